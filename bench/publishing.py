"""Figures that go into `docs/method.md`, from raw data kept beside it: only where this is a checkout."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from pathlib import Path

from bench.errors import UsageError
from productnet.whole_file import write_whole

DOCS = Path(__file__).parents[1] / "docs"
METHOD_FILE = "method.md"


def find_section(document: str, name: str) -> str:
    """Return what stands between a section's two marks.

    Raises:
        UsageError: where it has no such marks.
    """
    found = re.search(_pattern(name), document, re.DOTALL)
    if found is None:
        raise UsageError(f"the document has no section {name!r}: it needs the marks {_begin(name)} and {_end(name)}")
    return found[1]


def publish(name: str, text: str, data: dict[str, bytes], docs: Path = DOCS) -> None:
    """Write a section of the document and the data that it is made from.

    Args:
        data: name of a file in `data/` -> its contents.
    Raises:
        UsageError: where there is no such document, or it can't be written.
    """
    path = docs / METHOD_FILE
    try:
        document = path.read_text(encoding="utf-8")
        find_section(document, name)
        section = f"{_begin(name)}\n{text.strip()}\n{_end(name)}"
        for file_name, content in data.items():
            write_whole(docs / "data" / file_name, content)
        write_whole(path, re.sub(_pattern(name), lambda _: section, document, flags=re.DOTALL).encode())
    except OSError as error:
        raise UsageError(f"{path} can't be written ({error.strerror}): publishing needs a checkout") from error


def compress(content: bytes) -> bytes:
    """Compress, alike for alike contents."""
    return gzip.compress(content, mtime=0)


def pack(directory: Path) -> bytes:
    """Compress a directory's files of raw data: those that tables are made from."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for path in sorted(directory.rglob("*")):
            if path.suffix in {".json", ".jsonl"}:
                archive.add(path, path.relative_to(directory))
    return compress(output.getvalue())


def unpack(archive: Path, directory: Path) -> None:
    """Lay out what was packed."""
    with tarfile.open(archive) as packed:
        packed.extractall(directory, filter="data")


def _begin(name: str) -> str:
    return f"<!-- {name}: made from docs/data -->"


def _end(name: str) -> str:
    return f"<!-- end of {name} -->"


def _pattern(name: str) -> str:
    return f"{re.escape(_begin(name))}\n(.*?){re.escape(_end(name))}"
