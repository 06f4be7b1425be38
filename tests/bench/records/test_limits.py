"""Every text and every number of what is read has a limit; lists have that of their file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from bench.errors import UsageError
from bench.records import foreign, store
from bench.records.gate import GateInfo
from bench.records.journal import Record
from bench.records.lines import _Line
from bench.records.race import RaceInfo, RaceRecord
from bench.records.run import RunInfo
from bench.records.selfcheck import SelfCheck
from bench.records.store import create_run
from tests.bench.runs import make_case, make_info

DOCUMENTS = (RunInfo, Record, RaceInfo, RaceRecord, GateInfo, SelfCheck, foreign._PytestBenchmark, foreign._Hyperfine)


class Unlimited(msgspec.Struct):
    """A negative control."""

    text: str
    number: float
    count: int
    below: dict[str, tuple[float, ...]]


def list_unlimited(of: inspect.Type, place: str = "$", seen: tuple[type, ...] = ()) -> Iterator[str]:
    """List where a text or a number may be of any size."""
    match of:
        case inspect.StructType():
            if of.cls not in seen:
                for field in of.fields:
                    yield from list_unlimited(field.type, f"{place}.{field.encode_name}", (*seen, of.cls))
        case inspect.UnionType():
            for each in of.types:
                yield from list_unlimited(each, place, seen)
        case inspect.DictType():
            yield from list_unlimited(of.key_type, f"{place} key", seen)
            yield from list_unlimited(of.value_type, f"{place}[]", seen)
        case inspect.VarTupleType() | inspect.ListType():
            yield from list_unlimited(of.item_type, f"{place}[]", seen)
        case inspect.TupleType():
            for each in of.item_types:
                yield from list_unlimited(each, f"{place}[]", seen)
        case inspect.StrType():
            if of.max_length is None and of.pattern is None:
                yield place
        case inspect.IntType() | inspect.FloatType():
            if (of.ge is None and of.gt is None) or (of.le is None and of.lt is None):
                yield place
        case inspect.LiteralType() | inspect.BoolType() | inspect.NoneType():
            """Of themselves."""
        case _:
            yield f"{place}: {type(of).__name__}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_text_and_number_that_is_read_has_a_limit(document: Any) -> None:
    assert list(list_unlimited(inspect.type_info(document))) == []


def test_what_has_no_limit_is_found() -> None:
    found = list(list_unlimited(inspect.type_info(Unlimited)))
    assert found == ["$.text", "$.number", "$.count", "$.below key", "$.below[][]"]
    assert list(list_unlimited(inspect.type_info(_Line))) == ["$.crc32", "$.record: RawType"]


def test_a_head_that_could_not_be_read_again_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = make_info([make_case()])
    with create_run(info, tmp_path / "fits", ()):
        size = (tmp_path / "fits" / "run.json").stat().st_size
    monkeypatch.setattr(store, "MAX_HEAD_BYTES", size - 1)
    with pytest.raises(UsageError, match=f"takes {size:,} bytes, and at most {size - 1:,} are read again"):
        create_run(info, tmp_path / "run", ())
    with pytest.raises(UsageError, match="can't be stored: .*max_length|can't be stored: .*length <= 2000"):
        create_run(msgspec.structs.replace(info, command="x" * 2_001), tmp_path / "run", ())
    assert not (tmp_path / "run").exists()
