"""Whether a run, measured again, says the same: its rows beside the stored ones.

A machine is faster in one hour than in another, and another machine is another one: so a row is held against the first
case of its own run, which was measured in turn with it, and that ratio is what has to come out again. The unit is the
replicate. The first case itself has only its time, which decides nothing; where it is alone the unit is the run.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.judge.comparison import Criteria, Difference, compare_unpaired
from bench.judge.quality import Quality
from bench.judge.race import Verdict
from bench.judge.sides import NOT_COMPARED, CaseComparison, compare_sides, time_over_first
from bench.records.run import Run

BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A row, stored and measured again."""

    comparison: CaseComparison
    """Of its times, which another hour or another machine changes."""
    ratios: tuple[tuple[float, ...], tuple[float, ...]]
    """Its time over the first case's, stored and again, a value a replicate; empty for the first case itself."""
    difference: Difference | None
    """ln(again / stored), of the ratios; of the times for the first case."""
    is_baseline: bool = False
    """Whether it is the first case, and others are held against it."""

    @property
    def verdict(self) -> str:
        """SAME is reproduced; SLOWER and FASTER are not."""
        if self.comparison.quality.quality is Quality.INVALID:
            return str(Quality.INVALID)
        if self.difference is None:
            return NOT_COMPARED
        return BASELINE if self.is_baseline else str(self.difference.verdict)

    @property
    def is_reproduced(self) -> bool:
        """Whether its speed came out again, with no other quality."""
        return self.verdict == Verdict.SAME and self.comparison.quality.quality is not Quality.DIFFERENT

    @property
    def is_refuted(self) -> bool:
        """Whether something else came out, for certain."""
        return self.verdict in (Verdict.SLOWER, Verdict.FASTER) or self.comparison.quality.quality is Quality.DIFFERENT

    @property
    def is_open(self) -> bool:
        """Whether it can't be told from what was measured."""
        return self.verdict == Verdict.INCONCLUSIVE


def judge_reproduction(stored: Run, again: Run, criteria: Criteria) -> list[Reproduction]:
    """Hold every row that was measured again against the stored one."""
    names = {case.name for case in again.info.plan.cases}
    reproductions = []
    for each in compare_sides([stored], [again], criteria, lambda case: case.name in names).cases:
        if each.case.name == stored.info.plan.baseline.name:
            reproductions.append(Reproduction(each, ((), ()), each.difference, is_baseline=len(names) > 1))
        else:
            ratios = tuple(time_over_first(stored, each.case)), tuple(time_over_first(again, each.case))
            reproductions.append(Reproduction(each, ratios, compare_unpaired(*ratios, criteria)))
    return reproductions


def middle_ratio(ratios: Sequence[float]) -> float | None:
    """Return the geometric mean; None where there is none."""
    return math.exp(statistics.fmean(map(math.log, ratios))) if ratios else None
