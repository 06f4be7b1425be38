"""The tables of a run: throughput, stages, accuracy, failures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from bench.judge.equivalence import LogRatio
from bench.judge.quality import Quality, find_reference_failures
from bench.judge.results import CaseResult
from bench.judge.statistics import Summary
from bench.judge.target import TARGET_LOSS
from bench.records.repeat import repeat_command
from bench.records.run import Run
from bench.render.table import Column, Table
from bench.render.units import mebibytes, milliseconds, number, percent, times, whole

CASE = Column("case", "case")
BRACKETS = (
    "In brackets: how far the quartiles are from the median, over replicates; over blocks where there is one replicate."
)


def make_throughput_table(results: Sequence[CaseResult]) -> Table:
    """Time to train and throughput of every case."""
    columns = (
        CASE,
        Column("time to\ntrain (s)", "training_seconds", number, has_spread=True),
        Column(f"to loss\n{TARGET_LOSS:g} (s)", "target_seconds", number, has_spread=True, is_detail=True),
        Column("speedup", "speedup", times),
        Column("steps/s", "steps_per_second", number, has_spread=True),
        Column("samples/s", "samples_per_second", number, has_spread=True),
        Column("replicates", "num_replicates", whole, is_detail=True),
        Column("quality", "quality"),
    )
    rows = tuple(
        (
            result.case.name,
            result.training_seconds,
            _describe_target(result.target_seconds),
            # What has not learned is not ranked: no ratio stands beside its name.
            str(result.quality) if result.quality is Quality.INVALID else result.speedup,
            result.steps_per_second,
            result.samples_per_second,
            result.training_seconds.count if result.training_seconds else 0,
            describe_quality(result),
        )
        for result in results
    )
    return Table(
        "Throughput",
        columns,
        rows,
        (
            "Speedup: over the first case, from pairs of blocks of one round; above 1 is faster. A ratio, no verdict.",
            "Time to train: from the first step to the last update of a whole training; a replicate is one value. "
            f"To loss {TARGET_LOSS:g}: until the end of the first epoch whose mean training loss is under it, within a "
            "block shared out evenly over its epochs; never: half of the replicates or more miss it.",
            f"Steps and samples per second: over the trainings' blocks. {BRACKETS}",
        ),
    )


def make_stages_table(results: Sequence[CaseResult]) -> Table:
    """What comes before the first timed step, and the memory that a training takes."""
    columns = (
        CASE,
        Column("set-up\n(ms)", "setup_seconds", milliseconds, has_spread=True),
        Column("first step,\ncold (ms)", "first_step_seconds", milliseconds, has_spread=True),
        Column("warm-up,\ncold (ms)", "cold_warmup_seconds", milliseconds, has_spread=True),
        Column("warm-up,\ncached (ms)", "cached_warmup_seconds", milliseconds, has_spread=True),
        Column("pays off after\n(epochs)", "payoff_epochs", whole),
        Column("memory\n(MiB)", "memory_bytes", mebibytes, has_spread=True),
        Column("on device\n(MiB)", "device_memory_bytes", mebibytes, has_spread=True, is_detail=True),
    )
    rows = tuple(
        (
            result.case.name,
            result.stages.setup_seconds,
            result.stages.first_step_seconds,
            result.stages.cold_warmup_seconds,
            result.stages.cached_warmup_seconds,
            _describe_payoff(result),
            result.stages.memory_bytes,
            result.stages.device_memory_bytes,
        )
        for result in results
    )
    return Table(
        "Stages and memory",
        columns,
        rows,
        (
            "Warm-up: from set-up to the first timed epoch: the first step, what the engine compiles or captures (most "
            "do neither: milliseconds), an epoch. Pays off: epochs until the first case, which warms up faster and "
            "trains slower, is caught up with; at most those of the training.",
            "Set-up: drawing data, model, transfer. Cold: nothing was compiled before; cached: a later replicate, "
            "which finds on the disk what was.",
            f"Memory: the most resident memory above what Python and torch had before. {BRACKETS}",
        ),
    )


def make_accuracy_table(results: Sequence[CaseResult]) -> Table:
    """How well every case has learned, in original units; medians over replicates."""
    heldout = (
        Column("R\nsquared", "heldout_r_squared", lambda value: f"{value:.6f}"),
        Column("RMSE", "heldout_rmse", number),
        Column("largest\nerror", "heldout_largest_error", number),
        Column("mean\nerror", "heldout_mean_absolute_error", number, is_detail=True),
        Column("mean rela-\ntive error", "heldout_mean_relative_error", percent, is_detail=True),
        Column("within\n1 %", "heldout_share_within_1_percent", percent, is_detail=True),
        Column("within\n5 %", "heldout_share_within_5_percent", percent, is_detail=True),
    )
    columns = (
        CASE,
        Column("quality", "quality"),
        Column("final\nloss", "final_loss", number),
        *heldout,
        Column("MSE over\nreference", "heldout_mse_ratio", number, has_spread=True, is_detail=True),
        Column("same\nlosses", "has_reference_losses", is_detail=True),
        Column("RMSE in\ntraining", "training_rmse", number, is_detail=True),
    )
    rows = tuple(
        (
            result.case.name,
            describe_quality(result),
            median([trained.final_loss for trained in result.trained]),
            *(_median_heldout(result, column.name.removeprefix("heldout_")) for column in heldout),
            describe_ratio(result.verdict.log_ratio),
            "yes" if result.verdict.is_identical else None,
            median([getattr(trained.training_accuracy, "rmse", None) for trained in result.trained]),
        )
        for result in results
    )
    return Table(
        "Accuracy",
        columns,
        rows,
        (
            "Quality, held against the CPU float32 reference's on the same seeds. EQUIVALENT: the same losses bit for "
            "bit, or shown to be as good. Untested: other losses, under three seeds. Not ranked: UNDECIDED (not shown "
            "to be as good), DIFFERENT (shown to be worse, or better), INVALID (it did not learn).",
            "MSE over reference: held-out MSE divided by the reference's, geometric mean from three seeds on; in "
            "brackets its 90 % interval, relative to it. EQUIVALENT where that lies within the margin, DIFFERENT where "
            "it lies outside of it.",
            "Errors on 10,000 samples that the network never saw, in units of y = x1 * x2, which is 1 to 100. "
            "Final loss: the last epoch's mean, standardised.",
        ),
    )


def make_failures_table(run: Run, results: Sequence[CaseResult]) -> Table:
    """What went wrong, with the reference that is none of the cases as well, and the command that repeats it."""
    failures = find_reference_failures(run)
    failures += [(result.case, failed) for result in results for failed in result.failures]
    columns = (
        CASE,
        Column("replicate", "replicate"),
        Column("what", "kind"),
        Column("during", "stage"),
        Column("reason", "reason"),
        Column("repeat with", "repeat_command"),
    )
    rows = tuple(
        (
            failed.case,
            failed.replicate,
            failed.kind,
            failed.stage,
            failed.reason,
            repeat_command(case, run.info.plan.seed + failed.replicate, 1),
        )
        for case, failed in failures
    )
    return Table("Failed cases", columns, rows)


def _describe_payoff(result: CaseResult) -> float | str | None:
    num_epochs = result.case.num_epochs
    if result.payoff_epochs is not None and result.payoff_epochs > num_epochs:
        return f"not within {num_epochs:,}"
    return result.payoff_epochs


def describe_quality(result: CaseResult) -> str:
    """Say in a word what a case's training is worth, or that it failed."""
    return "failed" if result.failures else str(result.quality)


def _describe_target(seconds: Summary | None) -> Summary | str | None:
    return "never" if seconds is not None and math.isinf(seconds.median) else seconds


def describe_ratio(log_ratio: LogRatio | None) -> Summary | None:
    """Return a ratio of errors with its interval, no longer as a logarithm."""
    if log_ratio is None:
        return None
    return Summary(log_ratio.num_seeds, *(math.exp(each) for each in (log_ratio.mean, log_ratio.low, log_ratio.high)))


def _median_heldout(result: CaseResult, name: str) -> float | None:
    return median([getattr(trained.heldout_accuracy, name, None) for trained in result.trained])


def median(values: Sequence[float | None]) -> float | None:
    """Return the median, or None where a value is missing or there are none."""
    finite = [value for value in values if value is not None]
    return statistics.median(finite) if finite and len(finite) == len(values) else None
