"""What a training is worth: a speed counts only with the quality that it bought."""

from __future__ import annotations

from enum import StrEnum

from bench.records.case import Case
from bench.records.journal import Trained
from bench.records.run import Run
from productnet.config import TrainConfig

MIN_R_SQUARED = 0.99
"""A whole training under this held-out R squared has not learned the product: the recipe reaches 0.9998."""

RECIPE_EPOCHS = TrainConfig().num_epochs


class Quality(StrEnum):
    """How a case's training compares with the baseline's."""

    BASELINE = "baseline"
    IDENTICAL = "identical"
    UNTESTED = "untested"
    CUT_SHORT = "cut short"
    INVALID = "INVALID"
    NOT_TRAINED = "not trained"


def judge_quality(run: Run, case: Case) -> tuple[Quality, str | None]:
    """Judge a case's trainings, and say why where they are INVALID.

    A training shorter than the recipe is CUT_SHORT, whatever it learned. IDENTICAL is: the same losses as the
    baseline's of the same seed, in every epoch, bit for bit. Anything else is UNTESTED: equality of quality between
    different losses takes several seeds and a test.
    """
    baselines = {
        measurement.replicate: measurement.trained
        for measurement in run.measurements_of(run.info.plan.baseline)
        if measurement.trained is not None
    }
    trainings = [
        (measurement.trained, baselines.get(measurement.replicate))
        for measurement in run.measurements_of(case)
        if measurement.trained is not None
    ]
    if not trainings:
        return Quality.NOT_TRAINED, None
    for trained, baseline in trainings:
        if baseline is not None and trained.digest != baseline.digest:
            return Quality.INVALID, "it trained on other data, parameters or order than the baseline (digests differ)"
    if case.num_epochs < RECIPE_EPOCHS:
        return Quality.CUT_SHORT, None
    for trained, _ in trainings:
        reason = _why_invalid(trained)
        if reason is not None:
            return Quality.INVALID, reason
    if case == run.info.plan.baseline:
        return Quality.BASELINE, None
    if all(baseline and trained.epoch_losses == baseline.epoch_losses for trained, baseline in trainings):
        return Quality.IDENTICAL, None
    return Quality.UNTESTED, None


def _why_invalid(trained: Trained) -> str | None:
    if None in trained.epoch_losses:
        return "its loss is not finite"
    r_squared = trained.heldout_accuracy.r_squared
    if r_squared is None or r_squared < MIN_R_SQUARED:
        shown = "not finite" if r_squared is None else f"{r_squared:.6f}"
        return f"it did not learn: held-out R squared is {shown}, at least {MIN_R_SQUARED} is needed"
    return None
