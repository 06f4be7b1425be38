"""The tables of work, and of what a workload of a user's own says of its quality."""

from __future__ import annotations

from collections.abc import Sequence

from bench.judge.results import CaseResult
from bench.render.table import Column, Table
from bench.render.tables import CASE, describe_quality, describe_ratio, median
from bench.render.units import giga, mega, number, percent

_COLUMNS = (
    CASE,
    Column("a step\n(MFLOP)", "flop_per_step", mega),
    Column("rate\n(GFLOP/s)", "flop_per_second", giga, has_spread=True),
    Column("measured peak\n(GFLOP/s)", "peak_flop_per_second", giga),
    Column("share of\nthe peak", "share_of_peak", percent),
)
_NOTE = (
    "Work: multiplications and additions of matrix products and convolutions, counted and not measured. Peak: what a "
    "large matrix product reached on the same device, in the same precision and threads, beside the training."
)


def make_work_table(results: Sequence[CaseResult]) -> Table:
    """How much every case computes, and how fast."""
    rows = tuple(
        (result.case.name, None, None, None, None)
        if (work := result.work) is None
        else (result.case.name, work.per_step, work.per_second, work.peak_per_second, work.share_of_peak)
        for result in results
    )
    return Table("Work", _COLUMNS, rows, (_NOTE,))


def make_own_accuracy_table(results: Sequence[CaseResult]) -> Table:
    """What the trainings of a user's own workload have come to; medians over replicates."""
    columns = (
        CASE,
        Column("quality", "quality"),
        Column("last\nloss", "last_loss", number),
        Column("held-out\nerror", "heldout_error", number),
        Column("error over\nreference", "heldout_error_ratio", number, has_spread=True),
    )
    rows = tuple(
        (
            result.case.name,
            describe_quality(result),
            median([trained.final_loss for trained in result.trained]),
            median([trained.heldout_error for trained in result.trained]),
            describe_ratio(result.verdict.log_ratio),
        )
        for result in results
    )
    note = (
        "Held-out error: what the workload calls so, lower is better; held against that of float32 on the CPU on the "
        "same seeds. Untested: under three seeds, or the workload has none. Last loss: what its last step returned."
    )
    return Table("Accuracy", columns, rows, (note,))
