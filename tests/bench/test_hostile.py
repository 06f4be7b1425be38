"""Results come from anybody: whatever is in a file, it is refused in one sentence or shown as harmless text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import IncompleteError, InvalidFileError, UsageError
from bench.judge.gate import decide_outcome, judge_gate
from bench.judge.projection import project
from bench.judge.results import judge_run
from bench.lint import find_faults
from bench.records.collection import collect
from bench.records.foreign import read_foreign
from bench.records.gate import read_gate
from bench.records.run import reprice
from bench.records.selfcheck import SELFCHECK_FILE, SelfCheck
from bench.records.store import create_run, read_info, read_race, read_run
from bench.records.sweep import reprice as reprice_sweep
from bench.records.sweep_store import read_sweep
from bench.render.formats import FORMATS
from bench.render.gate import list_gate_files, summarise_on_terminal
from bench.render.projection import report_projections
from bench.render.report import list_files, report_on_terminal
from productnet.registry import load
from tests.bench.github import LINKED, render
from tests.bench.hostile import (
    HEADS,
    NUMBERS,
    Json,
    encode,
    list_places,
    list_records,
    replace_at,
    spoil,
    values,
    write_line,
)
from tests.bench.races import make_pairs, make_race_info, make_schooled, make_seated, write_race
from tests.bench.render import test_ladder
from tests.bench.render.test_report import make_golden_run
from tests.bench.runs import make_energy, make_meter
from tests.bench.sweeps import make_crossing_sweep
from tests.bench.tampered import write_gate

READERS: dict[str, Callable[[Path], object]] = {
    "run.json": read_run,
    "race.json": read_race,
    "gate.json": read_gate,
    "sweep.json": read_sweep,
    "selfcheck.json": lambda path: read_info(path / SELFCHECK_FILE, SelfCheck),
    "foreign.json": lambda path: read_foreign(path / "foreign.json"),
}
RUN = reprice(make_golden_run(), {"all": 2.49})
METERED = make_energy(RUN.measurements[0].case, make_meter("card", 50.0, 250.0), make_meter("cpu", 20.0, 60.0))
RUN_HEAD = json.loads(msgspec.json.encode(RUN.info))
METERED_LINE = json.loads(msgspec.json.encode(METERED))
RUN_LINES = [METERED_LINE, *(json.loads(msgspec.json.encode(record)) for record in list_records(RUN))]
LADDER = test_ladder.make_golden_run()
LADDER_HEAD = json.loads(msgspec.json.encode(LADDER.info))
LADDER_LINES = [json.loads(msgspec.json.encode(record)) for record in list_records(LADDER)]
RACE_HEAD = json.loads(msgspec.json.encode(make_race_info()))
RACE_LINES = [
    json.loads(msgspec.json.encode(record))
    for record in (
        *(make_seated(pair, arm) for pair in range(4) for arm in range(2)),
        *make_pairs((0.0, 0.01, 0.02, 0.03)),
        *(make_schooled(label, seed, digest=str(seed)) for seed in range(3) for label in "ab"),
    )
]
SWEEP = reprice_sweep(make_crossing_sweep(), {"all": 2.49})
SWEEP_HEAD = json.loads(msgspec.json.encode(SWEEP.info))
SWEEP_LINES = [json.loads(msgspec.json.encode(record)) for record in (*SWEEP.timed, *SWEEP.lost, SWEEP.ended)]
FOREIGN = [
    json.loads((Path(__file__).parents[1] / "data" / f"{name}.json").read_text("utf-8"))
    for name in ("hyperfine", "pytest-benchmark")
]
OWN_TAGS = {
    "h1",
    "h2",
    "h3",
    "p",
    "br",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "ol",
    "ul",
    "li",
    "pre",
    "code",
    "span",
}
COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", READERS)
def test_a_hostile_file_is_refused_in_one_short_sentence_by_whoever_reads_it(
    tmp_path: Path, name: str, head: str
) -> None:
    path = spoil(tmp_path / "x", HEADS[head], (name, "samples.jsonl"))
    with pytest.raises(InvalidFileError) as caught:
        READERS[name](path)
    assert name in str(caught.value)
    assert len(str(caught.value)) < 1_000
    assert sorted(each.name for each in path.iterdir()) == sorted((name, "samples.jsonl"))


@pytest.mark.parametrize("line", HEADS)
def test_a_hostile_line_is_refused_though_its_checksum_is_right(tmp_path: Path, line: str) -> None:
    with create_run(RUN.info, tmp_path / "run", ()):
        """Nothing is measured."""
    race = write_race(tmp_path / "race")
    for path, read in ((tmp_path / "run", read_run), (race, read_race)):
        (path / "samples.jsonl").write_bytes(write_line(HEADS[line]) * 2)
        with pytest.raises(InvalidFileError, match="line 1") as caught:
            read(path)
        assert len(str(caught.value)) < 1_000


def show_in_every_format(path: Path) -> None:
    """Write what lies there in every format; whatever it holds, each is harmless."""
    collection = collect([path])
    for fault in collection.faults.values():
        assert len(str(fault)) < 1_500
    if not collection.holds_something:
        return
    for name, each in FORMATS.items():
        if name in ("html", "png", "svg"):
            continue
        try:
            text = load(each.place)(collection, 100)
        except (IncompleteError, UsageError):
            continue
        check_harmless(name, text)
    assert all(f"{each.field}{each.expected}{each.found}" for each in find_faults(path) if path.is_dir())
    for stored in collection.runs:
        results = judge_run(stored.result)
        check_harmless("terminal", report_on_terminal(stored.result, results, 80))
        check_harmless("terminal", report_projections({"a run": project(stored.result, 1_000)}, 80))
        for file, text in list_files(stored.result, results).items():
            check_harmless("csv" if file.endswith(".csv") else "markdown", text)


def check_harmless(name: str, text: str) -> None:
    lines = text.replace("\r\n", "\n").split("\n")
    assert all(line.isprintable() for line in lines)
    assert not COMMAND.search(text)
    if name == "markdown":
        page = render(text)
        assert set(page.tags) <= OWN_TAGS
        assert not LINKED.search(page.words)
    elif name == "csv":
        cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@")) or re.match(r"-(?![\d.]|inf$)", cell)]
    elif name != "terminal":
        json.loads(text, parse_constant=pytest.fail)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One directory for all the examples of a property."""
    return tmp_path_factory.mktemp("hostile")


def put(path: Path, head_name: str, head: Json, lines: list[Json]) -> None:
    path.mkdir(exist_ok=True)
    (path / head_name).write_bytes(encode(head))
    (path / "samples.jsonl").write_bytes(b"".join(write_line(encode(line)) for line in lines))


KINDS = {
    "run": ("run.json", RUN_HEAD, RUN_LINES),
    "ladder": ("run.json", LADDER_HEAD, LADDER_LINES),
    "race": ("race.json", RACE_HEAD, RACE_LINES),
    "sweep": ("sweep.json", SWEEP_HEAD, SWEEP_LINES),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_a_stored_result_with_anything_in_any_field_is_refused_or_shown_as_harmless_text(
    scratch: Path, kind: str, data: st.DataObject
) -> None:
    name, head, lines = KINDS[kind]
    for _ in range(data.draw(st.integers(1, 3))):
        if data.draw(st.booleans()):
            head = replace_at(head, data.draw(st.sampled_from(list(list_places(head)))), data.draw(values))
        else:
            number = data.draw(st.integers(0, len(lines) - 1))
            places = list(list_places(lines[number]))
            if places:
                changed = replace_at(lines[number], data.draw(st.sampled_from(places)), data.draw(values))
                lines = [*lines[:number], changed, *lines[number + 1 :]]
    put(scratch / kind, name, head, lines)
    show_in_every_format(scratch / kind)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (replace_at(RUN_HEAD, ("prices", "all"), "number 1e-320"), METERED_LINE),
        (RUN_HEAD, replace_at(METERED_LINE, ("meters", 0, "training", "joules"), "number 1e-320")),
    ],
    ids=["a price", "joules"],
)
def test_what_is_too_small_to_be_divided_by_is_refused(scratch: Path, head: Json, line: Json) -> None:
    put(scratch / "small", "run.json", RUN_HEAD, [METERED_LINE])
    assert read_run(scratch / "small").measurements
    put(scratch / "small", "run.json", head, [line])
    with pytest.raises(InvalidFileError, match=">= 1e-09"):
        read_run(scratch / "small")


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:20])
@pytest.mark.parametrize("kind", KINDS)
def test_any_number_in_a_plan_is_refused_or_calculated_with(scratch: Path, kind: str, number: str) -> None:
    name, head, lines = KINDS[kind]
    for field, value in head["plan"].items():
        if isinstance(value, int | float):
            put(scratch / kind, name, replace_at(head, ("plan", field), f"number {number}"), lines)
            show_in_every_format(scratch / kind)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_gate_with_anything_in_any_field_is_refused_or_shown_as_harmless_text(
    scratch: Path, data: st.DataObject
) -> None:
    path = scratch / "gate"
    if not path.exists():
        write_gate(path)
        (path / "gate.json").rename(scratch / "gate.json")
    head = json.loads((scratch / "gate.json").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        head = replace_at(head, data.draw(st.sampled_from(list(list_places(head)))), data.draw(values))
    (path / "gate.json").write_bytes(encode(head))
    show_in_every_format(path)
    try:
        gate = read_gate(path)
    except InvalidFileError:
        return
    judged = judge_gate(gate)
    files = list_gate_files(gate, judged, decide_outcome(judged, was_interrupted=False))
    check_harmless("csv", files["gate.csv"])
    check_harmless("markdown", files["gate.md"])
    check_harmless("terminal", summarise_on_terminal(gate, judged, decide_outcome(judged, True), 80))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_another_tools_file_with_anything_in_any_field_is_refused_or_shown_as_harmless_text(
    scratch: Path, data: st.DataObject
) -> None:
    document = data.draw(st.sampled_from(FOREIGN))
    for _ in range(data.draw(st.integers(1, 3))):
        document = replace_at(document, data.draw(st.sampled_from(list(list_places(document)))), data.draw(values))
    path = scratch / "foreign.json"
    path.write_bytes(encode(document))
    show_in_every_format(path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_lines_that_are_lost_doubled_or_in_another_order_are_refused_or_shown(
    scratch: Path, data: st.DataObject
) -> None:
    lines = data.draw(st.lists(st.sampled_from(RUN_LINES), max_size=40))
    put(scratch / "order", "run.json", RUN_HEAD, lines)
    show_in_every_format(scratch / "order")
