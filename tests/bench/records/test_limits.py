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
            fields = [] if of.cls in seen else of.fields
            below = [(field.type, f"{place}.{field.encode_name}") for field in fields]
            seen = (*seen, of.cls)
        case inspect.UnionType():
            below = [(each, place) for each in of.types]
        case inspect.DictType():
            below = [(of.key_type, f"{place} key"), (of.value_type, f"{place}[]")]
        case inspect.VarTupleType():
            below = [(of.item_type, f"{place}[]")]
        case inspect.TupleType():
            below = [(each, f"{place}[]") for each in of.item_types]
        case _:
            below = []
            if not has_limit(of):
                yield place
    for each, where in below:
        yield from list_unlimited(each, where, seen)


def has_limit(of: inspect.Type) -> bool:
    match of:
        case inspect.StrType():
            return of.max_length is not None
        case inspect.IntType() | inspect.FloatType():
            return {of.ge, of.gt} != {None} and {of.le, of.lt} != {None}
        case _:
            return isinstance(of, inspect.LiteralType | inspect.BoolType | inspect.NoneType)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_text_and_number_that_is_read_has_a_limit(document: Any) -> None:
    assert list(list_unlimited(inspect.type_info(document))) == []


def test_what_has_no_limit_is_found() -> None:
    found = list(list_unlimited(inspect.type_info(Unlimited)))
    assert found == ["$.text", "$.number", "$.count", "$.below key", "$.below[][]"]
    assert list(list_unlimited(inspect.type_info(_Line))) == ["$.crc32", "$.record"]


def test_a_head_that_could_not_be_read_again_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = make_info([make_case()])
    with create_run(info, tmp_path / "fits", ()):
        size = (tmp_path / "fits" / "run.json").stat().st_size
    monkeypatch.setattr(store, "MAX_HEAD_BYTES", size - 1)
    with pytest.raises(UsageError, match=f"takes {size:,} bytes, and at most {size - 1:,} are read again"):
        create_run(info, tmp_path / "run", ())
    with pytest.raises(UsageError, match="can't be stored"):
        create_run(msgspec.structs.replace(info, command="x" * 2_001), tmp_path / "run", ())
    assert not (tmp_path / "run").exists()
