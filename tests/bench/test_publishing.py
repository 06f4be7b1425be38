"""A section of the document is replaced whole, with its data beside it, or nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.publishing import compress, find_section, pack, publish, unpack

DOCUMENT = "# Method\n\n<!-- races: made from docs/data -->\nold\n<!-- end of races -->\nafter\n"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "data").mkdir(parents=True)
    (tmp_path / "docs" / "method.md").write_text(DOCUMENT, encoding="utf-8")
    return tmp_path / "docs"


def test_a_section_is_replaced_and_its_data_kept(docs: Path) -> None:
    publish("races", "new \\1 é\n", {"races.jsonl.gz": compress(b"data")}, docs)
    document = (docs / "method.md").read_text(encoding="utf-8")
    assert document == DOCUMENT.replace("old", "new \\1 é")
    assert find_section(document, "races") == "new \\1 é\n"
    assert (docs / "data" / "races.jsonl.gz").read_bytes() == compress(b"data")


def test_without_such_a_section_nothing_is_written(docs: Path) -> None:
    with pytest.raises(UsageError, match="no section 'peers'"):
        publish("peers", "new", {"peers.jsonl.gz": b"data"}, docs)
    assert list((docs / "data").iterdir()) == []


def test_outside_of_a_checkout_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="checkout"):
        publish("races", "new", {}, tmp_path / "docs")


def test_raw_data_comes_back_as_it_was_packed_and_tables_stay_behind(tmp_path: Path) -> None:
    (tmp_path / "check" / "race").mkdir(parents=True)
    for name in ("selfcheck.json", "race/samples.jsonl", "race/race.md"):
        (tmp_path / "check" / name).write_text(name)
    (tmp_path / "packed.tar.gz").write_bytes(pack(tmp_path / "check"))
    unpack(tmp_path / "packed.tar.gz", tmp_path / "out")
    files = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert files == ["race/samples.jsonl", "selfcheck.json"]
