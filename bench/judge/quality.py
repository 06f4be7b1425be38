"""What a training is worth: a speed counts only with the quality that it bought."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bench.judge.equivalence import MIN_SEEDS, LogRatio, compare_errors
from bench.records.case import Case
from bench.records.journal import Failed, Trained
from bench.records.run import Run
from productnet.config import TrainConfig

MIN_R_SQUARED = 0.99
"""A whole training under this held-out R squared has not learned the product: the recipe reaches 0.9998."""

_NOT_FINITE = "its loss is not finite"
_OTHER_WORK = "trained on other data, parameters or order than the reference (digests differ)"

OWN_ERROR = "heldout_error()"
"""What the quality of a workload of a user's own is called: its own word for it."""
NO_QUALITY = "the workload has no heldout_error(), so that nothing says what its speed has bought"

RECIPE_EPOCHS = TrainConfig().num_epochs


class Quality(StrEnum):
    """How a case's trainings compare with those of the CPU float32 reference, seed by seed."""

    REFERENCE = "reference"
    EQUIVALENT = "EQUIVALENT"
    DIFFERENT = "DIFFERENT"
    UNDECIDED = "UNDECIDED"
    UNTESTED = "untested"
    CUT_SHORT = "cut short"
    INVALID = "INVALID"
    NOT_TRAINED = "not trained"

    @property
    def may_be_ranked(self) -> bool:
        """Whether a speed counts with this quality."""
        return self not in (Quality.INVALID, Quality.DIFFERENT, Quality.UNDECIDED, Quality.NOT_TRAINED)


@dataclass(frozen=True, slots=True)
class QualityVerdict:
    """A quality and what it rests on."""

    quality: Quality
    reason: str | None = None
    """Why, where a reader would ask."""
    is_identical: bool = False
    """Whether all losses of all epochs are the reference's, bit for bit."""
    log_ratio: LogRatio | None = None
    """Of the held-out error to the reference's; None where it was not tested."""


def judge_quality(run: Run, case: Case) -> QualityVerdict:
    """Judge a case's trainings.

    INVALID is a training on other data than the reference's or with a loss that is not finite, whatever its length, and
    a whole one that did not learn.
    A training shorter than the recipe is CUT_SHORT, whatever it learned; a workload of a user's own has no recipe, and
    trains as many steps as it is asked. The rest is held against the reference's
    trainings of the same seeds: bit for bit, and by a test where there are enough seeds for one.
    """
    measurements = run.measurements_of(case)
    trainings = {each.replicate: each.trained for each in reversed(measurements) if each.trained is not None}
    references = _list_references(run)
    if not trainings:
        return QualityVerdict(Quality.NOT_TRAINED)
    for each in measurements:
        reference = references.get(each.replicate)
        if each.trained is not None and reference is not None and each.trained.digest != reference.digest:
            return QualityVerdict(Quality.INVALID, f"it {_OTHER_WORK}")
        reason = None if each.trained is None else _why_not_own(each.trained, references, run.info.plan.seed)
        if reason is not None:
            return QualityVerdict(Quality.INVALID, reason)
    if any(each.trained is not None and not each.trained.is_finite for each in measurements):
        return QualityVerdict(Quality.INVALID, _NOT_FINITE)
    if case.workload is None and case.num_epochs < RECIPE_EPOCHS:
        return QualityVerdict(Quality.CUT_SHORT)
    for each in measurements:
        why = why_invalid(each.trained) if each.trained is not None else None
        if why is not None:
            return QualityVerdict(Quality.INVALID, why)
    if case == run.info.plan.reference:
        return QualityVerdict(Quality.REFERENCE)
    return compare_trainings(trainings, references, run.info.plan.quality_margin)


def find_reference_failures(run: Run) -> list[tuple[Case, Failed]]:
    """Return what went wrong with a reference that is none of the cases; what is one of them fails as a case."""
    plan = run.info.plan
    if plan.reference is None or not plan.trains_reference_apart:
        return []
    return [(each.case, each.failed) for each in run.measurements_of(plan.reference) if each.failed is not None]


def _list_references(run: Run) -> dict[int, Trained]:
    """Return the reference's training of each replicate's seed; a case of several waves trains each more than once."""
    reference = run.info.plan.reference
    measurements = [] if reference is None else run.measurements_of(reference)
    return {each.replicate: each.trained for each in reversed(measurements) if each.trained is not None}


def compare_trainings(
    trainings: dict[int, Trained], references: dict[int, Trained], margin: float, other: str = "the reference"
) -> QualityVerdict:
    """Compare whole, valid trainings with those of the same seeds of `other`; replicate -> training."""
    if not all(each.has_quality for each in (*trainings.values(), *references.values())):
        return QualityVerdict(Quality.UNTESTED, NO_QUALITY)
    references = {seed: trained for seed, trained in references.items() if why_invalid(trained) is None}
    if all(seed in references and trainings[seed].epoch_losses == references[seed].epoch_losses for seed in trainings):
        return QualityVerdict(Quality.EQUIVALENT, is_identical=True)
    missing = [seed for seed in trainings if seed not in references]
    reason = f"{other} did not come to a valid end in replicates {missing}" if missing else None
    if len(trainings) < MIN_SEEDS:
        return QualityVerdict(Quality.UNTESTED, reason)
    log_ratio = compare_errors(_list_errors(trainings), _list_errors(references))
    if log_ratio is None:
        return QualityVerdict(Quality.UNDECIDED, reason or f"its seeds can't be paired with those of {other}")
    return decide(log_ratio, margin, other, name_error(trainings.values()))


def name_error(trainings: Iterable[Trained]) -> str:
    """Name what trainings are compared by: a workload of a user's own has an error of its own."""
    return "held-out MSE" if all(each.heldout_accuracy is not None for each in trainings) else OWN_ERROR


def decide(
    log_ratio: LogRatio, margin: float, other: str = "the reference", error: str = "held-out MSE"
) -> QualityVerdict:
    """Decide whether a ratio of errors is that of equals.

    Args:
        margin: how many times the other's error, or one in how many of it, is still as good; above 1.
        error: what it is called.
    """
    if log_ratio.is_within(math.log(margin)):
        return QualityVerdict(Quality.EQUIVALENT, log_ratio=log_ratio)
    shown = (
        f"{error} is {math.exp(log_ratio.mean):.4g} times that of {other} over {log_ratio.num_seeds} seeds (90 % "
        f"interval {math.exp(log_ratio.low):.4g} to {math.exp(log_ratio.high):.4g}; equal is {1 / margin:.4g} to "
        f"{margin:.4g})"
    )
    if log_ratio.is_beyond(math.log(margin)):
        return QualityVerdict(Quality.DIFFERENT, shown, log_ratio=log_ratio)
    return QualityVerdict(Quality.UNDECIDED, f"{shown}; more seeds narrow it", log_ratio=log_ratio)


def list_error_ratios(run: Run, case: Case) -> dict[int, float]:
    """Divide the held-out error of each training by that of the reference's of the same seed, where both have one."""
    references = _list_references(run)
    ratios = {}
    for each in run.measurements_of(case):
        reference = references.get(each.replicate)
        ours = each.trained.compared_error if each.trained else None
        theirs = reference.compared_error if reference else None
        if ours and theirs:
            ratios[run.info.plan.seed + each.replicate] = ours / theirs
    return ratios


def _list_errors(trainings: dict[int, Trained]) -> dict[int, float | None]:
    return {seed: trained.compared_error for seed, trained in trainings.items()}


def why_invalid(trained: Trained) -> str | None:
    """Say why a whole training is worth nothing, or None."""
    if not trained.is_finite:
        return _NOT_FINITE
    if trained.heldout_accuracy is None:
        return None
    r_squared = trained.heldout_accuracy.r_squared
    if not has_learned(r_squared):
        return f"it did not learn: held-out R squared is {_show(r_squared)}, at least {MIN_R_SQUARED} is needed"
    failed = [each for each in trained.replicas if not has_learned(each.heldout_r_squared)]
    if failed:
        return (
            f"{len(failed)} of {len(trained.replicas)} replicas did not learn: held-out R squared of seed "
            f"{failed[0].seed} is {_show(failed[0].heldout_r_squared)}, at least {MIN_R_SQUARED} is needed"
        )
    return None


def has_learned(r_squared: float | None) -> bool:
    """Say whether a whole training has learned the product; None is not finite."""
    return r_squared is not None and r_squared >= MIN_R_SQUARED


def _show(r_squared: float | None) -> str:
    return "not finite" if r_squared is None else f"{r_squared:.6f}"


def _why_not_own(trained: Trained, references: dict[int, Trained], first_seed: int) -> str | None:
    """Say why replicas are no trainings of their own seeds, as far as digests tell; None where they may be."""
    if len({each.digest for each in trained.replicas}) < len(trained.replicas):
        return "two replicas trained on the same data, parameters and order (digests are equal)"
    for each in trained.replicas:
        reference = references.get(each.seed - first_seed)
        if reference is not None and reference.digest != each.digest:
            return f"the replica of seed {each.seed} {_OTHER_WORK}"
    return None
