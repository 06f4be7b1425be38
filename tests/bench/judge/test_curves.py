"""How the loss of a case falls, condensed: no outlier is lost, and what is no number is no point."""

from __future__ import annotations

from bench.judge.curves import CurvePoint, condense, list_curves
from bench.judge.results import judge_run
from tests.bench.runs import make_case, make_run, make_training

BASE, SAME, OTHER = make_case(), make_case(batching="dataloader"), make_case("eager")


def test_a_short_curve_keeps_every_epoch() -> None:
    assert list(condense([[4.0, 2.0], [6.0, 1.0]], 10)) == [
        CurvePoint(1, 5.0, 4.0, 6.0),
        CurvePoint(2, 1.5, 1.0, 2.0),
    ]


def test_a_long_curve_keeps_its_last_epoch_and_every_extreme() -> None:
    losses = [1.0] * 1000
    losses[500] = 99.0
    points = list(condense([losses], 10))
    assert [point.epoch for point in points] == list(range(100, 1001, 100))
    assert [point.highest for point in points] == [1.0] * 5 + [99.0] + [1.0] * 4
    assert {point.loss for point in points} == {1.0}


def test_what_is_no_number_is_no_point() -> None:
    assert [point.epoch for point in condense([[1.0, None, None]], 3)] == [1]
    assert list(condense([[None]], 3)) == []


def test_cases_with_the_same_losses_are_one_curve() -> None:
    records = [
        *make_training(BASE, [1.0], losses=[0.5, 0.25]),
        *make_training(SAME, [1.0], losses=[0.5, 0.25]),
        *make_training(OTHER, [1.0], losses=[0.5, 0.125]),
    ]
    curves = list_curves(judge_run(make_run([BASE, SAME, OTHER], records)), 10)
    assert [curve.case_names for curve in curves] == [(BASE.name, SAME.name), (OTHER.name,)]
    assert [(curve.num_seeds, curve.num_epochs) for curve in curves] == [(1, 2), (1, 2)]


def test_a_case_that_trained_nothing_has_no_curve() -> None:
    assert list_curves(judge_run(make_run([BASE])), 10) == []
