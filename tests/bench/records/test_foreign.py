"""Files of other tools: theirs are read, and what is no time in them is refused by file and field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import InvalidFileError
from bench.records import foreign
from bench.records.collection import collect
from bench.records.foreign import read_foreign

DATA = Path(__file__).parents[2] / "data"
PYTEST_BENCHMARK, HYPERFINE = DATA / "pytest-benchmark.json", DATA / "hyperfine.json"
IMPOSSIBLE = ["0", "-0.1", "NaN", "Infinity", "-Infinity", "null", "1e999", '"0.1"', "true", "1e10", "5e-324", "[0.1]"]


def write_pytest_benchmark(path: Path, second: str = "0.25") -> Path:
    path.write_text(
        f'{{"machine_info": {{}}, "benchmarks": [{{"fullname": "a", "stats": {{"data": [0.5, {second}]}}}}]}}'
    )
    return path


def write_hyperfine(path: Path, second: str = "0.25") -> Path:
    path.write_text(f'{{"results": [{{"command": "a", "times": [0.5, {second}]}}]}}')
    return path


def edit(path: Path, change: Callable[[Any], object], source: Path = PYTEST_BENCHMARK) -> Path:
    document = json.loads(source.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_file_of_pytest_benchmark_is_read() -> None:
    found = read_foreign(PYTEST_BENCHMARK)
    stored = json.loads(PYTEST_BENCHMARK.read_text(encoding="utf-8"))
    assert found.measured_by == "pytest-benchmark 5.3.1"
    assert [row.name for row in found.rows] == ["test_small.py::test_sum[10]", "test_small.py::test_sum[1000]"]
    assert [list(row.seconds) for row in found.rows] == [each["stats"]["data"] for each in stored["benchmarks"]]
    assert (found.cpu_model, found.operating_system) == ("Intel(R) Xeon(R) Processor", "Linux")
    assert found.started_at == stored["datetime"]


def test_a_file_of_hyperfine_is_read_and_commands_that_failed_are_marked() -> None:
    found = read_foreign(HYPERFINE)
    stored = json.loads(HYPERFINE.read_text(encoding="utf-8"))
    assert (found.measured_by, found.cpu_model, found.started_at) == ("hyperfine", None, None)
    assert [(row.name, row.remark) for row in found.rows] == [
        ("true", None),
        ("sleep 0.01", None),
        ("false", "4 of 4 failed"),
    ]
    assert [list(row.seconds) for row in found.rows] == [each["times"] for each in stored["results"]]


def test_a_file_is_known_by_what_it_holds_and_a_copy_of_it_is_the_file_itself(tmp_path: Path) -> None:
    for place, source in enumerate((HYPERFINE, PYTEST_BENCHMARK, HYPERFINE)):
        (tmp_path / f"{place}.json").write_bytes(source.read_bytes())
    collection = collect([tmp_path / f"{place}.json" for place in range(3)])
    assert [each.tool for each in collection.foreign] == ["hyperfine", "pytest-benchmark"]
    assert (collection.runs, collection.faults) == ((), {})


@pytest.mark.parametrize("value", IMPOSSIBLE)
@pytest.mark.parametrize(
    ("write", "field"),
    [(write_pytest_benchmark, "$.benchmarks[0].stats.data[1]"), (write_hyperfine, "$.results[0].times[1]")],
)
def test_what_is_no_time_is_refused_by_file_and_field(
    tmp_path: Path, write: Callable[[Path, str], Path], field: str, value: str
) -> None:
    with pytest.raises(InvalidFileError) as caught:
        read_foreign(write(tmp_path / "x.json", value))
    assert str(caught.value).startswith(f"{tmp_path / 'x.json'} ")
    # What is no JSON at all has no fields to name.
    assert field in str(caught.value) or value in {"NaN", "Infinity", "-Infinity"}


@pytest.mark.parametrize("write", [write_pytest_benchmark, write_hyperfine])
def test_those_files_are_fine_but_for_the_one_value(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    (row,) = read_foreign(write(tmp_path / "x.json")).rows
    assert row.seconds == (0.5, 0.25)


def test_a_thin_file_is_read_and_what_it_lacks_is_not_known(tmp_path: Path) -> None:
    found = read_foreign(write_pytest_benchmark(tmp_path / "x.json"))
    assert found.measured_by == "pytest-benchmark"
    assert (found.started_at, found.cpu_model, found.host_name, found.python_version) == (None,) * 4


def test_a_file_without_the_times_themselves_is_refused_with_what_saves_them(tmp_path: Path) -> None:
    path = edit(tmp_path / "x.json", lambda document: document["benchmarks"][1]["stats"].pop("data"))
    with pytest.raises(InvalidFileError, match=r"x\.json .*\$\.benchmarks\[1\]\.stats .*--benchmark-save-data"):
        read_foreign(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["benchmarks"].clear(),
        lambda document: document["benchmarks"][0]["stats"]["data"].clear(),
        lambda document: document["benchmarks"][0].update(fullname=""),
        lambda document: document["benchmarks"][0].update(fullname="x" * 2_001),
        lambda document: document["benchmarks"][0].pop("fullname"),
        lambda document: document["machine_info"].update(node=7),
        lambda document: document.update(version=5),
    ],
)
def test_an_impossible_value_is_refused_by_its_field(tmp_path: Path, change: Callable[[Any], object]) -> None:
    with pytest.raises(InvalidFileError, match=r"x\.json .*(\$\.|`fullname`)"):
        read_foreign(edit(tmp_path / "x.json", change))


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"[]", b"{}", b"7", b"\xff\xfe", b'{"results": []}', b'{"a": ' * 100_000, b"\x00"]
)
def test_a_file_of_no_tool_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(InvalidFileError, match=r"x\.json is no file that pytest-benchmark or hyperfine leaves"):
        read_foreign(path)


def test_a_file_that_is_too_large_is_refused_before_it_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_hyperfine(tmp_path / "x.json")
    monkeypatch.setattr(foreign, "MAX_FOREIGN_BYTES", path.stat().st_size)
    assert read_foreign(path).rows
    monkeypatch.setattr(foreign, "MAX_FOREIGN_BYTES", path.stat().st_size - 1)
    with pytest.raises(InvalidFileError, match="at most"):
        read_foreign(path)


def test_what_this_project_wrote_for_pytest_benchmark_is_not_taken_for_its_measurement(tmp_path: Path) -> None:
    path = edit(tmp_path / "x.json", lambda document: document.update(exported_by="bench.report"))
    with pytest.raises(InvalidFileError, match="was written by bench"):
        read_foreign(path)


@settings(max_examples=300)
@given(source=st.sampled_from([HYPERFINE, PYTEST_BENCHMARK]), place=st.integers(0), mask=st.integers(1, 255))
def test_a_flipped_byte_is_refused_or_read_as_positive_times_but_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, source: Path, place: int, mask: int
) -> None:
    content = bytearray(source.read_bytes())
    content[place % len(content)] ^= mask
    path = tmp_path_factory.getbasetemp() / "flipped.json"
    path.write_bytes(content)
    try:
        found = read_foreign(path)
    except InvalidFileError:
        return
    assert all(0 < seconds <= 1e9 for row in found.rows for seconds in row.seconds)
