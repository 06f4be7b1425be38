"""What the campaign's data says of the test of equal quality: how seeds scatter, how often which verdict is given."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from bench.campaigns.modes import MODES, REFERENCE
from bench.campaigns.trainings import Outcome
from bench.judge.equivalence import compare_errors
from bench.judge.quality import MIN_R_SQUARED, Quality, decide
from bench.judge.statistics import Summary
from bench.records.plan import QUALITY_MARGIN
from bench.render.table import Column, Table, Value
from bench.render.units import number, percent, whole

NUMBERS_OF_SEEDS = (3, 5, 8, 16)
MARGINS = (1.1, 1.25, 1.5, 2.0)
SEEDS_FOR_MARGINS = 8
NUM_DRAWS = 1_000
"""Subsets of the seeds for each share: its standard error is at most 1.6 %."""

NUM_EDGE_DRAWS = 2_000
"""Likewise, 0.5 % where 5 % is true."""

Errors = Mapping[int, float | None]
"""Seed -> held-out MSE; None is not finite."""


def make_scatter_table(outcomes: Sequence[Outcome]) -> Table:
    """How the held-out MSE of every mode compares with the reference's, over all seeds."""
    columns = (
        Column("mode", "mode"),
        Column("seeds", "num_seeds", whole),
        Column("invalid", "num_invalid", whole),
        Column("MSE over reference (90 % interval)", "mse_ratio", number, has_spread=True),
        Column("least", "smallest_ratio", number),
        Column("most", "largest_ratio", number),
        Column("spread of ln ratio", "ratio_spread", percent),
        Column("spread of ln MSE", "error_spread", percent),
        Column("verdict", "verdict"),
    )
    notes = ("Spread: standard deviation over seeds.",)
    rows = tuple(_describe_scatter(mode, outcomes) for mode in MODES if mode != REFERENCE)
    return Table("Held-out MSE over the reference's, seed by seed", columns, rows, notes)


def make_seeds_table(outcomes: Sequence[Outcome], modes: Sequence[str] = tuple(MODES)) -> Table:
    """How often which verdict is given with how many seeds."""
    return _make_shares_table(
        f"Verdicts by number of seeds, margin {QUALITY_MARGIN:g}: EQUIVALENT / DIFFERENT / UNDECIDED, in percent",
        outcomes,
        modes,
        {f"{num_seeds} seeds": (num_seeds, QUALITY_MARGIN) for num_seeds in NUMBERS_OF_SEEDS},
    )


def make_margins_table(outcomes: Sequence[Outcome], modes: Sequence[str] = tuple(MODES)) -> Table:
    """How often which verdict is given with which margin."""
    return _make_shares_table(
        f"Verdicts by margin, {SEEDS_FOR_MARGINS} seeds: EQUIVALENT / DIFFERENT / UNDECIDED, in percent",
        outcomes,
        modes,
        {f"margin {margin:g}": (SEEDS_FOR_MARGINS, margin) for margin in MARGINS},
    )


def make_edge_table(outcomes: Sequence[Outcome], modes: Sequence[str] = tuple(MODES)) -> Table:
    """How often a mode passes for equivalent whose true ratio is at the margin, with the scatter that was measured."""
    reference = list_errors(outcomes, REFERENCE)

    def describe(mode: str) -> tuple[Value, ...]:
        errors = list_errors(outcomes, mode)
        cells = (
            [share_equivalent_at(edge, errors, reference, num_seeds) for edge in _EDGES]
            for num_seeds in NUMBERS_OF_SEEDS
        )
        return (mode, *(" / ".join(f"{share * 100:.1f}" for share in cell) for cell in cells))

    columns = (Column("mode", "mode"), *(Column(f"{each} seeds", f"{each} seeds") for each in NUMBERS_OF_SEEDS))
    rows = tuple(describe(mode) for mode in modes if mode != REFERENCE)
    edges = " / ".join(f"{edge:.3g}" for edge in _EDGES)
    title = f"EQUIVALENT where the true ratio is {edges}, in percent"
    return Table(title, columns, rows, ("Were the logarithms of the ratios normal, no number would be above 5.",))


_EDGES = (1 / (1.1 * QUALITY_MARGIN), 1 / QUALITY_MARGIN, QUALITY_MARGIN, 1.1 * QUALITY_MARGIN)
"""The margin, and 10 % past it, on both sides."""


def share_equivalent_at(edge: float, errors: Errors, reference: Errors, num_seeds: int) -> float:
    """Move a mode's ratios so that their mean is at the margin's edge, and draw from them with putting back."""
    differences = [
        math.log(error / theirs)
        for error, theirs in ((errors[seed], reference[seed]) for seed in sorted(errors.keys() & reference.keys()))
        if error and theirs
    ]
    moved = [math.exp(each - statistics.fmean(differences)) * edge for each in differences]
    stream = random.Random(f"{num_seeds} {edge}")  # noqa: S311 - which ones is no secret
    num_equivalent = 0
    for _ in range(NUM_EDGE_DRAWS):
        drawn = compare_errors(
            dict(enumerate(stream.choices(moved, k=num_seeds))), dict.fromkeys(range(num_seeds), 1.0)
        )
        num_equivalent += drawn is not None and drawn.is_within(math.log(QUALITY_MARGIN))
    return num_equivalent / NUM_EDGE_DRAWS


def share_verdicts(errors: Errors, reference: Errors, num_seeds: int, margin: float) -> Counter[Quality]:
    """Judge as many subsets of the seeds as `NUM_DRAWS` says, each drawn without putting back."""
    stream = random.Random(f"{num_seeds} {margin}")  # noqa: S311 - which subsets is no secret
    seeds = sorted(errors.keys() & reference.keys())
    verdicts: Counter[Quality] = Counter()
    for _ in range(NUM_DRAWS):
        drawn = stream.sample(seeds, num_seeds)
        log_ratio = compare_errors({each: errors[each] for each in drawn}, {each: reference[each] for each in drawn})
        verdicts[Quality.UNDECIDED if log_ratio is None else decide(log_ratio, margin).quality] += 1
    return verdicts


def list_errors(outcomes: Sequence[Outcome], mode: str) -> dict[int, float | None]:
    """Return a mode's held-out MSE by seed."""
    return {outcome.seed: outcome.heldout_mse for outcome in outcomes if outcome.mode == mode}


def _make_shares_table(
    title: str, outcomes: Sequence[Outcome], modes: Sequence[str], settings: Mapping[str, tuple[int, float]]
) -> Table:
    reference = list_errors(outcomes, REFERENCE)

    def describe(mode: str) -> tuple[Value, ...]:
        errors = list_errors(outcomes, mode)
        shares = (share_verdicts(errors, reference, *setting) for setting in settings.values())
        return (mode, *(" / ".join(f"{each[quality] / NUM_DRAWS * 100:.0f}" for quality in _TESTED) for each in shares))

    columns = (Column("mode", "mode"), *(Column(heading, heading) for heading in settings))
    return Table(title, columns, tuple(describe(mode) for mode in modes if mode != REFERENCE))


_TESTED = (Quality.EQUIVALENT, Quality.DIFFERENT, Quality.UNDECIDED)


def _describe_scatter(mode: str, outcomes: Sequence[Outcome]) -> tuple[Value, ...]:
    errors, reference = list_errors(outcomes, mode), list_errors(outcomes, REFERENCE)
    num_invalid = sum(_is_invalid(outcome) for outcome in outcomes if outcome.mode == mode)
    log_ratio = compare_errors(errors, reference)
    if log_ratio is None:
        return (mode, len(errors), num_invalid, *(None for _ in range(6)))
    ours = [math.log(error) for _, error in sorted(errors.items()) if error]
    theirs = [math.log(error) for _, error in sorted(reference.items()) if error]
    differences = [our - their for our, their in zip(ours, theirs, strict=True)]
    return (
        mode,
        len(errors),
        num_invalid,
        Summary(len(errors), *map(math.exp, (log_ratio.mean, log_ratio.low, log_ratio.high))),
        math.exp(min(differences)),
        math.exp(max(differences)),
        statistics.stdev(differences),
        statistics.stdev(ours),
        decide(log_ratio, QUALITY_MARGIN).quality.value,
    )


def _is_invalid(outcome: Outcome) -> bool:
    return outcome.heldout_r_squared is None or outcome.heldout_r_squared < MIN_R_SQUARED


TABLES: tuple[Callable[[Sequence[Outcome]], Table], ...] = (
    make_scatter_table,
    make_seeds_table,
    make_margins_table,
    make_edge_table,
)
