"""What a campaign of races says of the race: false alarms, differences seen and missed, widths and times."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from bench.campaigns.races import SCENARIOS, RaceLine
from bench.judge.race import Verdict
from bench.render.table import Column, Table, Value
from bench.render.units import duration, percent, whole

TRUTHS: dict[str, float] = {"aa": 0.0, "aa-layout": 0.0, "aa-loaded": 0.0}
"""Scenario -> ln(b / a)."""

_COLUMNS = (
    Column("races", "scenario"),
    Column("truth", "truth", percent),
    Column("run", "num_races", whole),
    Column("SLOWER", "num_slower", whole),
    Column("FASTER", "num_faster", whole),
    Column("SAME", "num_same", whole),
    Column("INCONCLUSIVE", "num_inconclusive", whole),
    Column("UNSTABLE", "num_unstable", whole),
    Column("intervals that miss the truth", "num_missed", whole),
    Column("half-width, median", "half_width_median", percent),
    Column("pairs, median", "num_pairs_median", whole),
    Column("time, median", "seconds_median", duration),
)


def make_races_table(lines: Sequence[RaceLine], truths: Mapping[str, float]) -> Table:
    """Lay out what each scenario came to.

    Args:
        truths: scenario -> the true ln(b / a), measured beforehand; 0 where both arms are the same.
    """
    rows = tuple(
        _describe(name, [line for line in lines if line.scenario == name], truths.get(name))
        for name in SCENARIOS
        if any(line.scenario == name for line in lines)
    )
    return Table("Races of known truth", _COLUMNS, rows, ("Time: the whole command, start-up included.",))


def _describe(name: str, lines: Sequence[RaceLine], truth: float | None) -> tuple[Value, ...]:
    verdicts = [line.verdict for line in lines]
    whole_ones = [line for line in lines if line.mean is not None and line.half_width is not None]
    missed = None if truth is None else sum(misses(line, truth) for line in whole_ones)
    return (
        name,
        truth,
        len(lines),
        *(verdicts.count(verdict) for verdict in (Verdict.SLOWER, Verdict.FASTER, Verdict.SAME)),
        verdicts.count(Verdict.INCONCLUSIVE),
        verdicts.count(Verdict.UNSTABLE),
        missed,
        statistics.median(line.half_width or 0.0 for line in whole_ones) if whole_ones else None,
        statistics.median(len(line.differences) for line in lines),
        statistics.median(line.seconds for line in lines),
    )


def misses(line: RaceLine, truth: float) -> bool:
    """Say whether the interval of a race does not hold the truth."""
    return line.mean is not None and line.half_width is not None and abs(line.mean - truth) > line.half_width
