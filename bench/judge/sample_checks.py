"""Checks of the samples of each case: whether its blocks are what repeated measuring of one thing gives.

Each looks at one process at a time, at the seconds per step of its training's blocks in the order of rounds, and speaks
of a case when it has found the same in more than half of the case's processes. Under `MIN_SAMPLES` blocks, and for a
change under `MIN_CHANGE`, it says nothing.

How often they speak of a case without cause, simulated with 20,000 processes of 12 independent blocks (median 1, spread
5 %), before `MIN_CHANGE` is asked for, which makes it rarer:

    noise                          drift    warm-up   two modes
    normal                         0.3 %     0.4 %      0.2 %
    exponential                    0.3 %     0.9 %      0.8 %
    uniform                        0.3 %     0.6 %      1.3 %
    normal, 5 % spikes of 10 s     0.3 %     2.1 %      0.1 %

s is the spread. A neighbour's load comes in waves and is no such noise: what the checks then report is a fact.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator

from bench.judge.findings import Evidence, Seen
from bench.judge.series import find_modes, fitted_change, starts_high, trend_p_value
from bench.records.case import Case
from bench.records.run import Measurement, Run

MIN_SAMPLES = 12
"""The rounds of a plan. Of fewer, the first quarter is the slowest by chance too often: 3 of 12 in one order of 220."""

MIN_CHANGE = 0.02
"""A smaller change is no matter: it is the margin within which two cases count as the same speed."""

TREND_LEVEL = 0.005
"""Largest p of a trend: with ten cases in a run, one run in twenty then shows a drift that is none, at most."""

LARGEST_CLOCK_SHARE = 1e-4
"""Reading the clock may cost such a share of a block: a hundredth of the smallest difference that matters."""

LARGEST_TIMER_TAX = 0.1
"""Nobody knows which phase pays the inner timers' tax: above, a phase's share may be wrong by a tenth of the total."""


def find_warm_up(evidence: Evidence) -> Iterator[Seen]:
    """Find cases whose first rounds are slower than all later ones: their warm-up had not ended when timing began.

    Either the first quarter lies wholly above the rest, or the first block alone and far above. Where the rest goes on
    falling it is a drift, and not reported here.
    """
    return _find(evidence, _warm_up_of)


def find_drift(evidence: Evidence) -> Iterator[Seen]:
    """Find cases that get slower or faster all the way from the first round to the last.

    By Mann and Kendall's exact test at `TREND_LEVEL`; a warm-up that ends is left to the check of that.
    """
    return _find(evidence, _drift_of)


def find_two_modes(evidence: Evidence) -> Iterator[Seen]:
    """Find cases whose blocks fall into two groups with a gap between them, and change from one to the other and back.

    A group is a third of the blocks at least, the gap `series.GAP` times as wide as the wider group. A single step is
    a drift or a warm-up.
    """
    return _find(evidence, _modes_of)


def find_coarse_timer(evidence: Evidence) -> Iterator[Seen]:
    """Find cases whose blocks are so short that reading the clock is part of what is seen.

    Threshold: `LARGEST_CLOCK_SHARE` of the median block.
    """
    for case, measurements in _by_case(evidence.run):
        shares = [
            each.started.timer_floor_seconds / statistics.median(block.seconds for block in each.blocks_of("train"))
            for each in measurements
            if each.started and each.blocks_of("train")
        ]
        if shares and statistics.median(shares) > LARGEST_CLOCK_SHARE:
            yield {"case": case.name, "share": statistics.median(shares), "epochs": 10 * case.num_epochs}


def find_timer_tax(evidence: Evidence) -> Iterator[Seen]:
    """Find cases that the inner timers slow down so much that their phases are in doubt.

    Threshold: `LARGEST_TIMER_TAX` of a block without them.
    """
    for result in evidence.results:
        tax = result.phase_split.timer_tax if result.phase_split else None
        if tax is not None and tax > LARGEST_TIMER_TAX:
            yield {"case": result.case.name, "tax": tax}


def _find(evidence: Evidence, look: Callable[[list[float]], Seen | None]) -> Iterator[Seen]:
    for case, measurements in _by_case(evidence.run):
        series = [each for each in map(_logarithms, measurements) if len(each) >= MIN_SAMPLES]
        found = [seen for seen in map(look, series) if seen is not None]
        if 2 * len(found) > len(series):
            # The process that shows it most clearly is shown.
            clearest = max(found, key=lambda seen: abs(float(seen["change"])))
            yield clearest | {"case": case.name, "num_found": len(found), "num_processes": len(series)}


def _warm_up_of(series: list[float]) -> Seen | None:
    num_high = starts_high(series)
    if not num_high:
        return None
    change = statistics.median(series[:num_high]) - statistics.median(series[num_high:])
    if change < math.log1p(MIN_CHANGE) or _is_trend(series[num_high:]):
        return None
    return {"change": math.expm1(change), "num_rounds": num_high}


def _drift_of(series: list[float]) -> Seen | None:
    if not _is_trend(series) or _warm_up_of(series) is not None:
        return None
    return {"change": math.expm1(fitted_change(series)), "p": trend_p_value(series)}


def _is_trend(series: list[float]) -> bool:
    return trend_p_value(series) < TREND_LEVEL and abs(fitted_change(series)) > math.log1p(MIN_CHANGE)


def _modes_of(series: list[float]) -> Seen | None:
    modes = find_modes(series, smallest_group=len(series) // 3)
    if modes is None or modes.num_switches < 2 or modes.high - modes.low < math.log1p(MIN_CHANGE):
        return None
    return {"change": math.expm1(modes.high - modes.low), "num_low": modes.num_low, "num_high": modes.num_high}


def _logarithms(measurement: Measurement) -> list[float]:
    """Return the logarithm of seconds per step, round by round."""
    blocks = sorted(measurement.blocks_of("train"), key=lambda block: block.round)
    return [math.log(block.seconds / block.num_steps) for block in blocks]


def _by_case(run: Run | None) -> Iterator[tuple[Case, list[Measurement]]]:
    for case in run.info.plan.cases if run else ():
        yield case, run.measurements_of(case) if run else []
