"""Whether the trainings of two sides of stored runs are as good as each other, seed by seed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from bench.judge.equivalence import MIN_SEEDS, compare_errors
from bench.judge.quality import NO_QUALITY, RECIPE_EPOCHS, Quality, QualityVerdict, decide, name_error, why_invalid
from bench.records.case import Case
from bench.records.journal import Trained
from bench.records.run import Run


def compare_quality(base: Sequence[Run], head: Sequence[Run], case: Case, margin: float) -> QualityVerdict:
    """Hold the head's trainings of a case against the base's of the same seeds; the base stands for the reference.

    Several runs of a side may train the same seed: its error is then their geometric mean.
    """
    ours, theirs = (_list_trainings(runs, case) for runs in (base, head))
    if not ours or not theirs:
        return QualityVerdict(Quality.NOT_TRAINED)
    is_whole = case.workload is not None or _count_epochs((*base, *head), case) >= RECIPE_EPOCHS
    for name, trainings in (("base", ours), ("head", theirs)):
        for trained in (each for group in trainings.values() for each in group):
            reason = why_invalid(trained) if is_whole or not trained.is_finite else None
            if reason is not None:
                return QualityVerdict(Quality.INVALID, f"{name}: {reason}")
    seeds = sorted(ours.keys() & theirs.keys())
    pairs = {seed: [*ours[seed], *theirs[seed]] for seed in seeds}
    is_identical = bool(seeds) and all(len({each.epoch_losses for each in group}) == 1 for group in pairs.values())
    if not is_whole:
        return QualityVerdict(Quality.CUT_SHORT, is_identical=is_identical)
    reason = _why_untestable(list(pairs.values()))
    if reason is not None:
        return QualityVerdict(Quality.UNTESTED, reason)
    if is_identical:
        return QualityVerdict(Quality.EQUIVALENT, _name_seeds(seeds, ours, theirs), is_identical=True)
    if len(seeds) < MIN_SEEDS:
        return QualityVerdict(Quality.UNTESTED, f"{len(seeds)} seeds on both sides; from {MIN_SEEDS} on it is tested")
    errors = ({seed: _mean_error(trainings[seed]) for seed in seeds} for trainings in (theirs, ours))
    log_ratio = compare_errors(*errors)
    if log_ratio is None:
        return QualityVerdict(Quality.UNDECIDED, "a held-out error is 0 or too large for a ratio")
    return decide(log_ratio, margin, "the base", name_error(each for group in pairs.values() for each in group))


def _why_untestable(groups: Sequence[Sequence[Trained]]) -> str | None:
    """Say why trainings of the same seeds say nothing of each other."""
    if any(len({each.digest for each in group}) > 1 for group in groups):
        return "the same seeds trained on other data"
    return None if all(each.has_quality for group in groups for each in group) else NO_QUALITY


def _list_trainings(runs: Sequence[Run], case: Case) -> dict[int, list[Trained]]:
    """List the trainings that came to their end: seed -> trainings of all runs and waves."""
    trainings: dict[int, list[Trained]] = {}
    for run in runs:
        for each in run.measurements:
            if each.case.name == case.name and each.trained is not None:
                trainings.setdefault(run.info.plan.seed + each.replicate, []).append(each.trained)
    return trainings


def _count_epochs(runs: Sequence[Run], case: Case) -> int:
    """Return the epochs of the shortest of these trainings."""
    return min(each.num_epochs for run in runs for each in run.info.plan.cases if each.name == case.name)


def _mean_error(trainings: Sequence[Trained]) -> float | None:
    errors = [each.compared_error for each in trainings]
    if not all(errors):
        return None
    return math.exp(statistics.fmean(math.log(error) for error in errors if error))


def _name_seeds(seeds: Sequence[int], *sides: dict[int, list[Trained]]) -> str | None:
    if all(len(side) == len(seeds) for side in sides):
        return None
    return f"compared over the {len(seeds)} seeds that both sides have"
