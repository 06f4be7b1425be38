"""The tables that lie beside the samples, as they stand there."""

from __future__ import annotations

from pathlib import Path

from bench.errors import InvalidFileError
from bench.records.gate import GATE_FILE
from bench.records.reading import is_there, read_regular
from bench.records.store import INFO_FILE, RACE_FILE

MAX_TABLE_BYTES = 2**23
HEADS = (INFO_FILE, RACE_FILE, GATE_FILE)
"""What makes a directory a result."""


def list_results(path: Path) -> list[Path]:
    """Find the directories of runs, races and gates: the one named, or else those one level below it.

    Raises:
        InvalidFileError: when there is none.
    """
    if _is_result(path):
        return [path]
    try:
        found = [each for each in sorted(path.iterdir()) if each.is_dir() and _is_result(each)]
    except OSError as error:
        raise InvalidFileError(f"{path} can't be read: {error.strerror}; is it the directory of a result?") from error
    if not found:
        raise InvalidFileError(f"{path} holds no result: none of {', '.join(HEADS)}")
    return found


def read_tables(path: Path) -> dict[str, str]:
    """Read every file of a result that ends in .md or .csv: name -> contents.

    Raises:
        InvalidFileError: when one can't be read, is too large, or is no text.
    """
    tables = {}
    for each in sorted(path.iterdir()):
        if each.suffix in (".md", ".csv"):
            try:
                tables[each.name] = read_regular(each, MAX_TABLE_BYTES).decode()
            except UnicodeDecodeError as error:
                raise InvalidFileError(f"{each} is no text in UTF-8") from error
    return tables


def _is_result(path: Path) -> bool:
    return any(is_there(path / name) for name in HEADS)
