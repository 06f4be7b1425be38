"""Networks that are trained at once: a table, and networks a second over their number as a plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.judge.quality import MIN_R_SQUARED
from bench.judge.replicas import KNEE_SHARE, Growth, judge_replicas, list_growths
from bench.judge.results import CaseResult
from bench.render.curve_plot import MARKS, plot_curves
from bench.render.escape import for_terminal
from bench.render.table import Column, Table
from bench.render.tables import CASE, describe_quality
from bench.render.units import milliseconds, number, whole

_WIDEST = 100


def make_replicas_table(results: Sequence[CaseResult]) -> Table:
    """What a network takes among others, and how good they are over their seeds."""
    columns = (
        CASE,
        Column("at once", "num_replicas", whole),
        Column("all\n(s)", "training_seconds", number, has_spread=True),
        Column("one network\n(ms)", "model_seconds", milliseconds, has_spread=True),
        Column("networks/s", "models_per_second", number, has_spread=True),
        Column("seeds", "num_seeds", whole),
        Column("learned", "num_learned", whole),
        Column("held-out\nRMSE", "seeds_heldout_rmse", number, has_spread=True),
        Column("lowest\nR squared", "seeds_lowest_r_squared", lambda value: f"{value:.6f}"),
        Column("final\nloss", "seeds_final_loss", number, has_spread=True, is_detail=True),
        Column("quality", "quality"),
    )
    rows = tuple(
        (
            result.case.name,
            result.case.num_replicas,
            result.training_seconds,
            judged.model_seconds,
            judged.models_per_second,
            judged.num_seeds,
            judged.num_learned,
            judged.heldout_rmse,
            judged.lowest_r_squared,
            judged.final_loss,
            describe_quality(result),
        )
        for result in results
        for judged in [judge_replicas(result)]
    )
    return Table(
        "Replicas",
        columns,
        rows,
        (
            "All: the trainings of all networks together, from the first step to the last update; of one network its "
            "even share. A step is an update of one network here and in every other table, so that a speedup is that "
            "of one network among the others. Nothing tells phases, inference or a time to a loss apart for several.",
            f"Learned: seeds of held-out R squared {MIN_R_SQUARED} or more, one that has not makes the case "
            "INVALID; not counted for trainings shorter than the recipe. In brackets how far the quartiles are from "
            "the median, of RMSE and loss over seeds, of times as elsewhere. Seeds follow each other from the "
            "replicate's own on; quality is held against the reference's for the first of them.",
        ),
    )


def draw_replicas(results: Sequence[CaseResult], width: int) -> Iterator[str]:
    """Plot networks a second over how many are trained at once, and say where more hardly help; nothing of one."""
    growths = list_growths(results)[: len(MARKS)]
    if not growths:
        return
    curves = [[(float(count), rate) for count, rate in growth.points] for growth in growths]
    yield "networks a second over networks at once, both on the logarithm"
    yield ""
    yield from plot_curves(curves, (), (whole, number), min(width, _WIDEST))
    for mark, growth in zip(MARKS, growths, strict=False):
        yield f"{mark} {for_terminal(growth.case.name)}: {_describe_knee(growth)}"


def _describe_knee(growth: Growth) -> str:
    most = max(growth.points, key=lambda point: point[1])
    said = f"at most {number(most[1])} networks/s, with {most[0]:,} at once"
    if growth.knee == growth.points[-1][0]:
        return f"{said}; still growing where the measurement ends"
    return f"{said}; {KNEE_SHARE:.0%} of that from {growth.knee:,} on"
