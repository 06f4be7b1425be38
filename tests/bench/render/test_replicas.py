"""Replicas as text, compared with files that were read and found right: UPDATE_GOLDEN=1 pytest tests/bench/render."""

from __future__ import annotations

import json

import pytest

from bench.judge.results import judge_run
from bench.records.run import Run
from bench.render.replicas import draw_replicas
from bench.render.report import list_files, report_on_terminal
from bench.render.report_document import to_json_report
from bench.render.summary import advise
from tests.bench.golden import check_golden
from tests.bench.render.test_series import make_collection
from tests.bench.replicated import make_replicas_case, make_replicated
from tests.bench.runs import make_case, make_run, make_training

SECONDS = {1: 1.0, 4: 1.25, 16: 2.0, 64: 7.5}
BASE = make_case()


def make_golden_run() -> Run:
    """One mode that stops growing at 16 at once, beside the reference."""
    cases = {count: make_replicas_case(count) for count in SECONDS}
    records = [make_replicated(cases[count], [seconds]) for count, seconds in SECONDS.items() if count > 1]
    alone = make_training(cases[1], [SECONDS[1]], digest="seed 1")
    return make_run([BASE, *cases.values()], make_training(BASE, [4.0], digest="seed 1"), alone, *records)


@pytest.mark.parametrize("name", ["replicas.md", "replicas.csv"])
def test_replicas_are_written_as_their_golden_file(name: str) -> None:
    run = make_golden_run()
    check_golden(name, list_files(run, judge_run(run))[name])


def test_the_terminal_shows_the_table_and_the_knee() -> None:
    run = make_golden_run()
    shown = report_on_terminal(run, judge_run(run), 200)
    assert "Replicas\n" in shown
    assert "networks a second over networks at once, both on the logarithm" in shown
    assert "a cpu/eager/manual: at most 8.533 networks/s, with 64 at once; 90% of that from 16 on" in shown


def test_a_mode_that_still_grows_where_the_measurement_ends_has_no_knee_yet() -> None:
    alone, four = make_case("eager"), make_replicas_case(4)
    run = make_run([alone, four], make_training(alone, [1.0], digest="seed 1"), make_replicated(four, [1.0]))
    assert "still growing where the measurement ends" in list(draw_replicas(judge_run(run), 100))[-1]


def test_a_run_of_single_networks_has_neither_table_nor_plot() -> None:
    run = make_run([BASE], make_training(BASE, [1.0]))
    results = judge_run(run)
    assert not [name for name in list_files(run, results) if name.startswith("replicas")]
    assert "Replicas" not in report_on_terminal(run, results, 100)
    assert list(draw_replicas(results, 100)) == []


def test_json_has_numbers_of_every_case() -> None:
    cases = json.loads(to_json_report(make_collection(make_golden_run()), 100))["runs"][0]["cases"]
    rates = {case["name"] if "name" in case else case["case"]: case["models_per_second"]["median"] for case in cases}
    assert rates["cpu/eager/manual/16-replicas"] == 8.0
    assert [case["num_replicas"] for case in cases] == [1, 1, 4, 16, 64]
    assert [case["num_learned"] for case in cases] == [1, 1, 4, 16, 64]


def test_the_advice_says_that_the_time_is_of_several_trainings() -> None:
    line = advise(judge_run(make_golden_run()))
    assert "cpu/eager/manual/64-replicas, 7.500 s for 64 trainings at once" in line
