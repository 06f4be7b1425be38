"""What a campaign of races says of the race: false alarms, differences seen and missed, widths and times."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from bench.campaigns.race_lines import SCENARIOS, Line, RaceLine, SizeLine
from bench.judge.race import Verdict, estimate
from bench.measure.selfcheck import ALPHA_OF_ONE_LOOK
from bench.render.escape import for_markdown
from bench.render.table import Column, Table, Value, to_markdown
from bench.render.units import duration, percent, whole

Size = tuple[str, int]
"""Processor and spins."""

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


_SIZE_COLUMNS = (
    Column("processor", "cpu_model"),
    Column("spins a step", "num_spins", whole),
    Column("slowdown", "slowdown", lambda value: f"{value:.3%}"),
    Column("95 % interval", "half_width", lambda value: f"+-{value:.3%}"),
    Column("processes", "num_processes", whole),
)


def describe_races(lines: Sequence[Line]) -> str:
    """Write all that a campaign says, as Markdown."""
    races = [line for line in lines if isinstance(line, RaceLine)]
    days = sorted({line.started_at[:10] for line in races})
    machines = ", ".join(dict.fromkeys(for_markdown(line.cpu_model) for line in races))
    where = f"{len(races)} races, {' to '.join(dict.fromkeys((days[0], days[-1])))}, {machines}.\n" if races else ""
    known = [line for line in races if line.num_spins]
    sizes = measure_truths(lines)
    num_missed = sum(misses(line, find_truth(line, sizes)) for line in known)
    held = (
        f"\nOf {len(known)} intervals of a race with a slowdown, {len(known) - num_missed} hold it.\n" if known else ""
    )
    tables = (make_races_table(lines), make_sizes_table(lines))
    return "\n".join((where, *(f"#{to_markdown(table)}" for table in tables), held))


def make_races_table(lines: Sequence[Line]) -> Table:
    """Lay out what each scenario came to."""
    races = [line for line in lines if isinstance(line, RaceLine)]
    sizes = measure_truths(lines)
    rows = tuple(
        _describe(name, kind, sizes)
        for name in SCENARIOS
        if (kind := [each for each in races if each.scenario == name])
    )
    return Table("Races of known truth", _COLUMNS, rows, ("Time: the whole command, start-up included.",))


def make_sizes_table(lines: Sequence[Line]) -> Table:
    """Lay out how large each injected slowdown is, measured before the races."""
    rows = []
    for (cpu_model, num_spins), logarithms in pool_sizes(lines).items():
        found = estimate(logarithms, ALPHA_OF_ONE_LOOK)
        if found is not None:
            rows.append((cpu_model, num_spins, math.expm1(found.mean), found.half_width, found.num_pairs))
    return Table("Injected slowdowns", _SIZE_COLUMNS, tuple(rows))


def pool_sizes(lines: Sequence[Line]) -> dict[Size, list[float]]:
    """Put together what was measured of every slowdown at every start of the campaign: ln(b / a) of each process."""
    pooled: dict[Size, list[float]] = {}
    for line in lines:
        if isinstance(line, SizeLine):
            pooled.setdefault((line.cpu_model, line.num_spins), []).extend(line.logarithms)
    return pooled


def measure_truths(lines: Sequence[Line]) -> dict[Size, float]:
    """Return ln(b / a) of every slowdown on every processor."""
    return {size: statistics.fmean(logarithms) for size, logarithms in pool_sizes(lines).items()}


def find_truth(line: RaceLine, sizes: Mapping[Size, float]) -> float | None:
    """Return the true ln(b / a) of a race: 0 where both arms are the same; None where nobody knows it."""
    if SCENARIOS[line.scenario].slowdown is None:
        return None
    return 0.0 if line.num_spins == 0 else sizes.get((line.cpu_model, line.num_spins))


def _describe(name: str, lines: Sequence[RaceLine], sizes: Mapping[Size, float]) -> tuple[Value, ...]:
    verdicts = [line.verdict for line in lines]
    whole_ones = [line for line in lines if line.mean is not None and line.half_width is not None]
    truths = [truth for line in whole_ones if (truth := find_truth(line, sizes)) is not None]
    return (
        name,
        statistics.fmean(truths) if truths else None,
        len(lines),
        *(verdicts.count(verdict) for verdict in (Verdict.SLOWER, Verdict.FASTER, Verdict.SAME)),
        verdicts.count(Verdict.INCONCLUSIVE),
        verdicts.count(Verdict.UNSTABLE),
        sum(misses(line, find_truth(line, sizes)) for line in whole_ones) if truths else None,
        statistics.median(line.half_width or 0.0 for line in whole_ones) if whole_ones else None,
        statistics.median(len(line.differences) for line in lines),
        statistics.median(line.seconds for line in lines),
    )


def misses(line: RaceLine, truth: float | None) -> bool:
    """Say whether the interval of a race does not hold the truth."""
    if truth is None or line.mean is None or line.half_width is None:
        return False
    return abs(line.mean - truth) > line.half_width
