"""What a tune says in words: the winner by its confirmation, why there is none, and the command that uses it."""

from __future__ import annotations

import msgspec
import pytest

from bench.judge.tune import judge_tune
from bench.records.case import OwnWorkload, Shape
from bench.records.tune import Tune, TuneEnded
from bench.render.tune import command_of, describe_outcome, list_tune_files, report_tune
from tests.bench.runs import make_case
from tests.bench.tunes import make_candidates, make_tune, make_whole_tune

SLOWER, SAME = [(0.2, 0.05)] * 4, [(0.001, 0.0), (-0.001, 0.0)] * 4


def tell(tune: Tune) -> str:
    return "\n".join(describe_outcome(tune, judge_tune(tune)))


def test_a_winner_is_told_with_the_interval_of_its_confirmation() -> None:
    tune = make_whole_tune([(0.19, 0.05), (0.21, 0.05), (0.2, 0.05), (0.2, 0.05)])
    said = tell(tune)
    assert "Winner: cpu/reference/manual/2-threads, 1.221x the speed of cpu/reference/manual (1.2" in said
    assert "4 pairs of fresh processes" in said
    assert "its quality: EQUIVALENT" in said
    assert "beside the runner-up, cpu/reference/manual/3-threads: faster" in said
    assert command_of(tune, judge_tune(tune)).endswith("--engine reference --batching manual --threads 2")


def test_what_is_not_confirmed_is_stayed_away_from() -> None:
    tune = make_whole_tune(SAME)
    assert tell(tune).startswith("Stay with cpu/reference/manual: cpu/reference/manual/2-threads is not shown to be")
    assert "--threads" not in command_of(tune, judge_tune(tune))


@pytest.mark.parametrize(
    ("tune", "why"),
    [
        (make_tune([1.0, 1.1]), "nothing came in ahead of it"),
        (make_tune([None, 1.1]), "it does not run: there is none here"),
        (make_whole_tune([], errors=(0.09, 0.2, 0.2)), "none was shown to be of equal quality"),
        (make_tune([1.0, 0.5], ended=TuneEnded(reason="interrupted", seconds=5.0)), "it was stopped before anything"),
        (make_tune([1.0, 0.5], ended=None), "it was stopped before anything"),
    ],
)
def test_where_there_is_no_winner_it_says_why(tune: Tune, why: str) -> None:
    assert why in tell(tune)


def test_one_that_was_stopped_is_partial() -> None:
    tune = make_tune([1.0, 0.5], ended=TuneEnded(reason="interrupted", seconds=5.0))
    assert "PARTIAL" in report_tune(tune, judge_tune(tune), 200)


def test_the_command_has_the_size_of_the_batches_and_says_that_it_is_another_training() -> None:
    batches = [msgspec.structs.replace(make_case(), shape=Shape(batch_size=size)) for size in (200, 300, 400)]
    tune = make_whole_tune(SLOWER, candidates=[make_case(), *batches])
    said = tell(tune)
    assert "another training of the same samples" in said
    assert command_of(tune, judge_tune(tune)).endswith("--batch-size 200")


def test_a_workload_of_a_users_own_is_run_by_its_file() -> None:
    own = OwnWorkload(name="mine", place="mine.py:Workload", digest="0" * 64)
    case = msgspec.structs.replace(make_case(num_epochs=200), engine="own", batching="own", workload=own)
    tune = make_tune([1.0], candidates=[case])
    assert (
        command_of(tune, judge_tune(tune)) == "python -m bench.run --device cpu --workload mine.py:Workload --steps 200"
    )
    assert "steps/s" in report_tune(tune, judge_tune(tune), 250)


def test_settings_that_were_not_tried_are_a_number_on_a_terminal_and_names_in_the_files() -> None:
    tune = make_tune([1.0], candidates=make_candidates(80))
    result = judge_tune(tune)
    shown = report_tune(tune, result, 80)
    assert "no time was left: 79 more settings, which tune.csv names" in " ".join(shown.split())
    assert shown.count("cpu/reference/manual") == 2
    assert list_tune_files(tune, result)["tune.csv"].count("no time was left") == 79


def test_the_files_hold_every_setting_and_why_it_can_not_be_had() -> None:
    tune = make_whole_tune(SLOWER)
    files = list_tune_files(tune, judge_tune(tune))
    assert set(files) == {"tune.md", "tune.csv"}
    assert files["tune.csv"].count("\n") == 5
    assert "there is none here" in files["tune.md"]
