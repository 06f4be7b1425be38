"""The tables of a run: throughput, phases, accuracy, failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.judge.results import CaseResult
from bench.judge.statistics import summarise
from bench.records.journal import PHASES, AccuracyRecord
from bench.render.table import Column, Table, Value
from bench.render.units import microseconds, milliseconds, number, percent, times

_CASE = Column("case", "case")
_SPREAD_NOTE = "In brackets: the quartiles, where there is more than one value."


def make_throughput_table(results: Sequence[CaseResult]) -> Table:
    """Time to train and throughput of every case."""
    columns = (
        _CASE,
        Column("time to train (s)", "training_seconds", number, has_spread=True),
        Column("speedup", "speedup", times),
        Column("steps/s", "steps_per_second", number, has_spread=True),
        Column("samples/s", "samples_per_second", number, has_spread=True),
        Column("set-up (ms)", "setup_seconds", milliseconds, has_spread=True),
        Column("compile, warm-up (ms)", "compile_seconds", milliseconds, has_spread=True),
        Column("quality", "quality"),
    )
    rows = tuple(
        (
            result.case.name,
            result.training_seconds,
            result.speedup,
            result.steps_per_second,
            result.samples_per_second,
            result.setup_seconds,
            result.compile_seconds,
            _describe_quality(result),
        )
        for result in results
    )
    return Table(
        "Throughput",
        columns,
        rows,
        (
            "Time to train: whole trainings, from the first step to the last update; a replicate is one value.",
            "Speedup: over the first case, from pairs of blocks of the same round; above 1 is faster. It is a ratio, "
            "not a verdict.",
            f"Steps and samples per second: over the blocks of a training. {_SPREAD_NOTE}",
        ),
    )


def make_phases_table(results: Sequence[CaseResult]) -> Table:
    """Where the time of a batch goes."""
    columns = (
        _CASE,
        *(Column(f"{phase} (us)", f"{phase}_seconds", microseconds) for phase in PHASES),
        Column("unattributed (us)", "unattributed_seconds", microseconds),
        Column("total (us)", "total_seconds", microseconds),
        Column("timer tax (us)", "timer_tax_seconds", microseconds),
        Column("inference (us)", "inference_seconds", microseconds, has_spread=True),
    )
    return Table(
        "Phases of a batch",
        columns,
        tuple(_phase_row(result) for result in results),
        (
            "Total: training blocks without inner timers. Phases: blocks with a synchronised clock between, in the "
            "same rounds. Unattributed: total less phases; the loop itself, reading the loss, and noise.",
            "Timer tax: what a block with inner timers takes more. Inference: eval mode, no gradients.",
        ),
    )


def make_accuracy_table(results: Sequence[CaseResult]) -> Table:
    """How well every case has learned, in original units; medians over replicates."""
    heldout = (
        Column("R squared", "heldout_r_squared", lambda value: f"{value:.6f}"),
        Column("RMSE", "heldout_rmse", number),
        Column("mean error", "heldout_mean_absolute_error", number),
        Column("largest error", "heldout_largest_error", number),
        Column("mean relative error", "heldout_mean_relative_error", percent),
        Column("within 1 %", "heldout_share_within_1_percent", percent),
        Column("within 5 %", "heldout_share_within_5_percent", percent),
    )
    columns = (
        _CASE,
        Column("quality", "quality"),
        Column("final loss", "final_loss", number),
        *heldout,
        Column("RMSE in training", "training_rmse", number),
    )
    rows = tuple(
        (
            result.case.name,
            _describe_quality(result),
            _median([trained.final_loss for trained in result.trained]),
            *(
                _median_accuracy(result, lambda accuracy, name=name: getattr(accuracy, name))
                for name in (column.name.removeprefix("heldout_") for column in heldout)
            ),
            _median([trained.training_accuracy.rmse for trained in result.trained]),
        )
        for result in results
    )
    return Table(
        "Accuracy",
        columns,
        rows,
        (
            "Errors on 10,000 samples that the network never saw, in the units of y = x1 * x2 (1 to 100). Final loss: "
            "the last epoch's mean, standardised.",
            "Quality: identical = the same losses as the first case, bit for bit; untested = other losses, not yet "
            "shown to be as good; INVALID = it did not learn, and its speed does not count.",
        ),
    )


def make_failures_table(results: Sequence[CaseResult]) -> Table:
    """What went wrong, and the command that repeats it."""
    columns = (
        _CASE,
        Column("replicate", "replicate"),
        Column("what", "kind"),
        Column("during", "stage"),
        Column("reason", "reason"),
        Column("repeat with", "repeat_command"),
    )
    rows = tuple(
        (result.case.name, failed.replicate, failed.kind, failed.stage, failed.reason, failed.repeat_command)
        for result in results
        for failed in result.failures
    )
    return Table("Failed cases", columns, rows)


def _phase_row(result: CaseResult) -> tuple[Value, ...]:
    split = result.phase_split
    if split is None:
        return (result.case.name, *(None for _ in PHASES), None, None, None, result.inference_seconds)
    return (
        result.case.name,
        *(split.phases[phase] if split.is_resolved(phase) else "not resolved" for phase in PHASES),
        split.unattributed,
        split.total,
        split.timer_tax,
        result.inference_seconds,
    )


def _describe_quality(result: CaseResult) -> str:
    return "failed" if result.failures else str(result.quality)


def _median_accuracy(result: CaseResult, read: Callable[[AccuracyRecord], float | None]) -> float | None:
    return _median([read(trained.heldout_accuracy) for trained in result.trained])


def _median(values: Sequence[float | None]) -> float | None:
    finite = [value for value in values if value is not None]
    summary = summarise(finite)
    return summary.median if summary is not None and len(finite) == len(values) else None
