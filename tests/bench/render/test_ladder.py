"""A ladder as text, compared with files that were read and found right: UPDATE_GOLDEN=1 pytest tests/bench/render."""

from __future__ import annotations

import re

import msgspec
import pytest

from bench.judge.ladder import judge_ladder
from bench.judge.results import judge_run
from bench.records.journal import Record
from bench.records.rates import StepWork
from bench.records.run import Run
from bench.render.ladder import draw_ladder
from bench.render.report import list_files, report_on_terminal
from bench.render.report_document import to_json_report
from tests.bench.golden import check_golden
from tests.bench.render.test_comparison import read_strictly
from tests.bench.render.test_report import HOSTILE
from tests.bench.render.test_series import make_collection
from tests.bench.runs import make_case, make_counted, make_failed, make_rates, make_run, make_training

LOADER, BASE, EAGER = make_case(batching="dataloader"), make_case(), make_case("eager")
ABSENT, FUSED, CARD = make_case("graphed"), make_case("fused"), make_case(device="cuda")
CASES = (BASE, LOADER, EAGER, ABSENT, FUSED, CARD)
WORK = StepWork(num_flops=107_109, num_bytes=5_832, working_set_bytes=14_316)
SECONDS = {LOADER: 0.0468, BASE: 0.0228, EAGER: 0.0153, FUSED: 0.000232, CARD: 0.05}
OPERATORS = {LOADER: 351.9, BASE: 148.1, EAGER: 89.4, FUSED: 0.0, CARD: 95.0}


def make_golden_run(reason: str = HOSTILE) -> Run:
    """Rungs of every kind: held up by calls, by arithmetic, not to be had; and a device whose peak nobody knows."""
    records: list[Record] = [
        make_rates(4.9e10, 4.1e10, 1.2e10, 6.5e5),
        make_rates(None, 2.5e13, None, 2e5, device="cuda", reason=reason),
        msgspec.structs.replace(make_failed(ABSENT, reason=reason, stage="set-up"), kind="unavailable"),
    ]
    for case, seconds in SECONDS.items():
        records += [*make_training(case, [seconds], work=WORK), make_counted(case, OPERATORS[case])]
    return make_run(CASES, records, rungs=(LOADER, BASE, EAGER, ABSENT, FUSED, CARD))


def make_golden_texts() -> dict[str, str]:
    run = make_golden_run()
    results = judge_run(run)
    files = {name: text for name, text in list_files(run, results).items() if name.startswith(("ladder", "rates"))}
    shown = report_on_terminal(run, results, 100)
    return files | {"ladder-100.txt": shown[shown.index("Ladder\n") : shown.index("Failed cases")] + "\n"}


GOLDEN_NAMES = ["ladder-100.txt", "ladder.csv", "ladder.md", "rates.csv", "rates.md"]


def test_every_file_of_a_ladder_has_its_golden_file() -> None:
    assert sorted(make_golden_texts()) == GOLDEN_NAMES


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_a_ladder_is_written_as_its_golden_file(name: str) -> None:
    check_golden(name, make_golden_texts()[name])


def draw(run: Run, width: int) -> list[str]:
    return draw_ladder(judge_ladder(run, judge_run(run)), width)


def count_marks(lines: list[str]) -> dict[str, int]:
    return {line.split()[0]: line.count("#") for line in lines[1:]}


def test_ten_marks_more_are_ten_times_as_long_and_the_shortest_bar_has_one() -> None:
    tenth = make_case("tenth")
    run = make_run([BASE, tenth], make_training(BASE, [1.0]), make_training(tenth, [0.1]), rungs=[BASE, tenth])
    assert count_marks(draw(run, 100)) == {"cpu/reference/manual": 11, "cpu/tenth/manual": 1, "cpu": 0}


def test_where_there_is_little_room_marks_are_fewer_and_the_chart_says_how_many_are_ten_times() -> None:
    tenth = make_case("tenth")
    run = make_run([BASE, tenth], make_training(BASE, [1.0]), make_training(tenth, [0.001]), rungs=[BASE, tenth])
    full, narrow = draw(run, 100), draw(run, 60)
    assert full[0] == "Time to train, logarithmic: 10 more # are ten times as long"
    assert narrow[0] == "Time to train, logarithmic: 5 more # are ten times as long"
    assert count_marks(full)["cpu/reference/manual"] == 31
    assert count_marks(narrow)["cpu/reference/manual"] == 16


@pytest.mark.parametrize("width", [250, 100, 80, 40])
def test_nothing_in_a_ladder_moves_the_terminal(width: int) -> None:
    run = make_golden_run()
    assert all(line.isprintable() for line in report_on_terminal(run, judge_run(run), width).split("\n"))


@pytest.mark.parametrize(
    "reason", ["a | b \\| c", "one\ntwo\n|---|", "<b>`x`</b>", "\x1b[2J", "=1+1", "# x", "x" * 2_000]
)
def test_a_hostile_reason_leaves_the_files_of_a_ladder_in_shape(reason: str) -> None:
    run = make_golden_run(reason)
    files = list_files(run, judge_run(run))
    chart = [line for line in files["ladder.md"].splitlines() if line.startswith("    ")]
    assert len(chart) == 1 + len(CASES) + 2, "a title, a line a rung, a floor a device"
    table = [line for line in files["rates.md"].splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1


def test_the_document_holds_every_rung_and_rate_as_raw_numbers() -> None:
    (run,) = read_strictly(to_json_report(make_collection(make_golden_run()), 100))["runs"]
    fused = next(rung for rung in run["ladder"] if rung["case"] == FUSED.name)
    assert fused["share_of_floor"] == pytest.approx(107_109 * 100 / 9.8e10 / 0.000232)
    assert (fused["verdict"], fused["kernels_per_step"]) == ("latency-bound", None)
    assert [each["register_multiply_adds_per_second"] for each in run["rates"]] == [4.9e10, None]


def test_a_run_that_is_no_ladder_has_none_of_its_files() -> None:
    run = make_run([BASE], make_training(BASE, [1.0]))
    assert not {"ladder.md", "rates.md"} & set(list_files(run, judge_run(run)))
    assert "logarithmic" not in report_on_terminal(run, judge_run(run), 100)


def test_a_ladder_of_which_nothing_was_measured_is_drawn_without_a_bar() -> None:
    run = make_run([BASE], [make_failed(BASE)], rungs=[BASE])
    assert draw(run, 100)[1:] == [
        "cpu/reference/manual  (killed: ended by SIGKILL)",
        "cpu floor             (not measured)",
    ]
