"""What was measured again, beside what is stored, as text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from bench.judge.comparability import Comparability
from bench.judge.comparison import MIN_RUNS, Criteria
from bench.judge.quality import Quality
from bench.judge.reproduction import BASELINE, Reproduction, middle_ratio
from bench.render.comparison import describe_quality
from bench.render.table import Column, Table, Value
from bench.render.tables import CASE
from bench.render.units import microseconds, number


def make_reproduction_table(rows: Sequence[Reproduction], first: str, criteria: Criteria) -> Table:
    """Lay out each row: its time and its ratio to the first case, stored and again.

    Args:
        first: the name of the first case.
    """
    columns = (
        CASE,
        Column("stored\n(us a step)", "stored_seconds_a_step", microseconds),
        Column("again\n(us a step)", "again_seconds_a_step", microseconds),
        Column("stored,\nover first", "stored_over_first", number),
        Column("again,\nover first", "again_over_first", number),
        Column("again over\nstored", "ratio", number),
        Column("from", "ratio_low", number),
        Column("to", "ratio_high", number),
        Column("verdict", "verdict"),
        Column("quality", "quality"),
    )
    notes = (
        f"Over first: time over that of {first}, measured in turn with it. Again over stored: of these ratios, above 1 "
        f"is slower, with its {100 * (1 - criteria.alpha):g} % interval (Welch, on logarithms); of the times for the "
        f"first case itself, which decide nothing. The unit is the replicate; under {MIN_RUNS} a side there is no "
        f"interval. SAME: within {criteria.margin:.2%}; SLOWER, FASTER: beyond {criteria.dead_zone:.2%}.",
    )
    return Table("Measured again", columns, tuple(map(_row, rows)), notes)


def _row(row: Reproduction) -> tuple[Value, ...]:
    found = row.difference
    bounds = (found.mean, found.low, found.high) if found else (None, None, None)
    return (
        row.comparison.case.name,
        middle_ratio(row.comparison.base_seconds),
        middle_ratio(row.comparison.head_seconds),
        *map(middle_ratio, row.ratios),
        *(None if each is None else math.exp(each) for each in bounds),
        row.verdict,
        describe_quality(row.comparison),
    )


def describe_reproduction(rows: Sequence[Reproduction], found: Comparability, criteria: Criteria) -> Iterator[str]:
    """Say what came out again, what did not, and whether it was measured on the same machine."""
    if found.conflicts:
        yield "another machine or other software, so that times may well differ:"
        yield from (f"  {each.field}: stored {each.base}; here {each.head}" for each in found.conflicts)
    else:
        yield "the same machine and software, as far as was recorded"
    if found.unchecked:
        yield f"recorded on one side alone, so not held against each other: {', '.join(found.unchecked)}"
    for row in rows:
        yield from (f"{row.comparison.case.name}: {fault}" for fault in row.comparison.faults)
        yield f"{row.comparison.case.name}: {_conclude(row, criteria)}"
        if row.is_open:
            yield f"  {_settle(row)}"
    if any(row.is_refuted or row.is_open for row in rows):
        yield from (f"  {each.field} differs: stored {each.base}; here {each.head}" for each in found.suspects)


def _conclude(row: Reproduction, criteria: Criteria) -> str:
    found, quality = row.difference, describe_quality(row.comparison)
    if found is None or row.comparison.quality.quality is Quality.INVALID:
        return f"NOT REPRODUCED: {row.verdict}"
    share = f"{abs(math.expm1(found.mean)):.1%} {'more' if found.mean > 0 else 'less'} time"
    if row.verdict == BASELINE and not row.is_refuted:
        return f"what the others are held against: {share}, quality {quality}"
    if row.is_refuted:
        return f"NOT REPRODUCED: {row.verdict}, {share}, quality {quality}"
    if row.is_reproduced:
        return f"REPRODUCED within {criteria.margin:.2%}: {share}, quality {quality}"
    if found.half_width is None:
        unit = "replicates" if row.ratios[0] else "runs"
        return f"INCONCLUSIVE: {share}, and under {MIN_RUNS} {unit} a side there is no interval; quality {quality}"
    needed = f"; {found.num_needed} replicates a side should settle it" if found.num_needed else ""
    return f"INCONCLUSIVE: {share}, interval +-{math.expm1(found.half_width):.1%}{needed}; quality {quality}"


def _settle(row: Reproduction) -> str:
    """Say what would tell where this could not."""
    found, num_stored = row.difference, len(row.ratios[0])
    if not num_stored:
        return (
            "one run a side is one value: name another row with it (--row), whose ratio to this one can be told, or "
            f"measure {MIN_RUNS} runs a side and hold them against each other (python -m bench.compare)"
        )
    needed = MIN_RUNS if found is None or found.half_width is None else found.num_needed
    if needed is None:
        return "at this spread no number of replicates is enough: let nothing else run, or ask for less (--margin)"
    too = f", and then the same of that run: the stored one has {num_stored}" if num_stored < needed else ""
    return f"to settle it: --replicates {needed}{too}"
