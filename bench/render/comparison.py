"""Comparisons of stored runs as text: the table, the headline, and what stands beside the numbers."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.judge.comparability import Comparability, FieldDifference
from bench.judge.comparison import MIN_REPLICATES, MIN_RUNS, Criteria
from bench.judge.quality import Quality, judge_quality
from bench.judge.race import Verdict
from bench.judge.sides import CaseComparison, SideComparison
from bench.records.run import Run
from bench.records.side import Side
from bench.render.outputs import COMMAND
from bench.render.settle import race_of_cases, race_of_sources
from bench.render.table import Column, Table, Value
from bench.render.tables import CASE
from bench.render.units import duration, microseconds, number, whole

DIFFERENCES = (Verdict.SLOWER, Verdict.FASTER)


@dataclass(frozen=True, slots=True)
class Compared:
    """A head beside the base, with all that its text needs; or the cases of a run beside its first."""

    base: Side
    head: Side
    comparison: SideComparison
    comparability: Comparability
    allowed: tuple[FieldDifference, ...]
    """Of its conflicts, those that the user let through."""


def _figures(base: str, head: str) -> tuple[Column, ...]:
    return (
        Column(f"{base}\n(us a step)", "base_seconds_a_step", microseconds),
        Column(f"{head}\n(us a step)", "head_seconds_a_step", microseconds),
        Column("time\nratio", "time_ratio", number),
        Column("from", "time_ratio_low", number),
        Column("to", "time_ratio_high", number),
        Column("verdict", "verdict"),
        Column("quality", "quality"),
    )


def make_table(compared: Sequence[Compared], criteria: Criteria, keep: Callable[[str], bool]) -> Table:
    """Lay out the cases of every head.

    Args:
        keep: which verdicts to show.
    """
    has_heads = len(compared) > 1
    head = Column("head", "head")
    columns = (
        CASE,
        *([head] if has_heads else []),
        *_figures("base", "head"),
        Column("base\nruns", "num_base_runs", whole),
        Column("head\nruns", "num_head_runs", whole),
    )
    rows = []
    for each in compared:
        names = (each.head.name,) if has_heads else ()
        rows += [_row(case, names) for case in each.comparison.cases if keep(case.verdict)]
        absent = [(case, "MISSING") for case in each.comparison.missing] + [
            (case, "NEW") for case in each.comparison.new
        ]
        rows += [(case.name, *names, *[None] * 5, word, None, None, None) for case, word in absent if keep(word)]
    notes = (
        f"Time ratio: head over base, above 1 is slower, with its {_interval(criteria)} (Welch, on logarithms). The "
        f"unit is the run; under {MIN_RUNS} runs a side there is no interval. Each case is judged by itself.",
        *_explain_verdicts(criteria),
        "Quality: the head's trainings held against the base's of the same seeds.",
    )
    return Table("Base and head", columns, tuple(rows), notes)


def make_within_table(cases: Sequence[CaseComparison], criteria: Criteria, keep: Callable[[str], bool]) -> Table:
    """Lay out the cases of one run beside its first."""
    columns = (CASE, *_figures("first", "this"), Column("repli-\ncates", "num_replicates", whole))
    rows = tuple(_row(case, (), has_one_count=True) for case in cases if keep(case.verdict))
    notes = (
        f"Time ratio: over the first case of the run, above 1 is slower, with its {_interval(criteria)}. Pairs are "
        f"blocks of one round, the unit is the replicate; under {MIN_REPLICATES} replicates there is no interval.",
        *_explain_verdicts(criteria),
        "Quality: held against the reference's trainings of the same seeds.",
    )
    return Table("Cases of one run", columns, rows, notes)


def _interval(criteria: Criteria) -> str:
    return f"{100 * (1 - criteria.alpha):g} % interval"


def _explain_verdicts(criteria: Criteria) -> tuple[str, ...]:
    return (
        f"SLOWER, FASTER: the whole interval lies beyond {criteria.dead_zone:.2%}. SAME: it lies within "
        f"{criteria.margin:.2%}. INCONCLUSIVE: neither, or too few to say.",
    )


def _row(case: CaseComparison, names: tuple[str, ...], has_one_count: bool = False) -> tuple[Value, ...]:
    found = case.difference if case.quality.quality is not Quality.INVALID else None
    ratios = (found.mean, found.low, found.high) if found else (None, None, None)
    counts = [len(case.base_seconds), len(case.head_seconds)]
    return (
        case.case.name,
        *names,
        _middle(case.base_seconds),
        _middle(case.head_seconds),
        *(None if each is None else math.exp(each) for each in ratios),
        case.verdict,
        describe_quality(case),
        *(counts[1:] if has_one_count else counts),
    )


def describe_quality(case: CaseComparison) -> str:
    """Say in a word what a case's trainings are beside the others', and whether they are the same."""
    return f"{case.quality.quality}{', bit for bit' if case.quality.is_identical else ''}"


def _middle(seconds: Sequence[float]) -> float | None:
    """Return the geometric mean, so that the quotient of two is the ratio that is shown."""
    return math.exp(statistics.fmean(map(math.log, seconds))) if seconds else None


def headline(name: str, cases: Sequence[CaseComparison], num_missing: int = 0, num_new: int = 0) -> str:
    """Count the verdicts, and name the worst and the best case."""
    counts = Counter(case.verdict for case in cases) + Counter(MISSING=num_missing, NEW=num_new)
    shown = ", ".join(f"{counts[verdict]} {verdict}" for verdict in sorted(counts, key=_order_of)) or "no case"
    timed = [case for case in cases if case.difference is not None and case.verdict in _RANKED]
    parts = [f"{name}: {shown}"]
    if timed:
        worst, best = (choose(timed, key=_mean_of) for choose in (max, min))
        if _mean_of(worst) > 0:
            parts.append(f"worst {_describe_change(worst)}")
        if _mean_of(best) < 0:
            parts.append(f"best {_describe_change(best)}")
    return "; ".join(parts)


_RANKED = [*map(str, (Verdict.SLOWER, Verdict.FASTER, Verdict.SAME, Verdict.INCONCLUSIVE))]


def _order_of(verdict: str) -> int:
    return _RANKED.index(verdict) if verdict in _RANKED else len(_RANKED)


def _mean_of(case: CaseComparison) -> float:
    return case.difference.mean if case.difference else 0.0


def _describe_change(case: CaseComparison) -> str:
    change = math.expm1(_mean_of(case))
    return f"{case.case.name}, {abs(change):.1%} {'more' if change > 0 else 'less'} time ({case.verdict})"


def describe_sides(compared: Compared, flags: Mapping[str, str]) -> Iterator[str]:
    """Say what stands beside the numbers of a head; text from elsewhere is left as it is."""
    found = compared.comparison
    yield headline(
        f"{compared.head.name} against {compared.base.name}", found.cases, len(found.missing), len(found.new)
    )
    if found.missing:
        yield f"MISSING in {compared.head.name}: {', '.join(case.name for case in found.missing)}"
    if found.new:
        yield f"NEW in {compared.head.name}: {', '.join(case.name for case in found.new)}"
    for side in (compared.base, compared.head):
        yield from describe_runs(side)
    yield from describe_cases(found.cases)
    for each in compared.allowed:
        yield f"let through by --allow: {each.field}: base {each.base}; head {each.head}"
    if compared.comparability.unchecked:
        yield f"not recorded on one side, so not checked: {', '.join(compared.comparability.unchecked)}"
    if any(case.verdict in DIFFERENCES or case.quality.quality is Quality.DIFFERENT for case in found.cases):
        for each in compared.comparability.suspects:
            yield f"suspect: {each.field} differs: base {each.base}; head {each.head}"
    yield from _settle_sides(compared, flags)


def describe_runs(side: Side) -> Iterator[str]:
    """Say what a reader should know of the runs themselves."""
    for each in side.runs:
        yield from (f"{each.path}: {warning}" for warning in each.result.warnings)
        if not each.result.is_complete:
            yield f"{each.path}: PARTIAL: the run was stopped before its end"
    for skipped in side.skipped:
        yield f"{skipped} is passed over: it holds no run"


def describe_cases(cases: Sequence[CaseComparison]) -> Iterator[str]:
    """Say what is behind single cases."""
    for case in cases:
        yield from (f"{case.case.name}: {fault}" for fault in (*case.faults, *case.remarks))
        if case.quality.reason is not None:
            yield f"{case.case.name}: quality {case.quality.quality}: {case.quality.reason}"


def _settle_sides(compared: Compared, flags: Mapping[str, str]) -> Iterator[str]:
    base, head = ([each.result for each in side.runs] for side in (compared.base, compared.head))
    seconds = [run.ended.seconds for run in (*base, *head) if run.ended]
    said: set[str] = set()
    for case in compared.comparison.cases:
        if case.verdict != Verdict.INCONCLUSIVE or case.difference is None:
            continue
        command, remark = race_of_sources(base, head, case.case, flags)
        needed = case.difference.num_needed
        missing = 0 if needed is None else max(0, 2 * needed - len(case.base_seconds) - len(case.head_seconds))
        if needed is not None and seconds:
            about = duration(missing * statistics.median(seconds))
            yield f"{case.case.name}: about {needed} runs a side would settle it, {about} more of measuring"
        if command:
            yield f"to settle {case.case.name}:"
            yield f"{COMMAND}{command}"
        if remark and remark not in said:
            said.add(remark)
            yield f"to settle it: {remark}" if command is None else f"of the race: {remark}"


def describe_within(run: Run, cases: Sequence[CaseComparison], flags: Mapping[str, str]) -> Iterator[str]:
    """Say what stands beside the numbers of one run."""
    baseline = run.info.plan.baseline
    yield headline(f"against {baseline.name}", cases)
    first = judge_quality(run, baseline)
    if first.quality is Quality.INVALID:
        yield f"{baseline.name} is INVALID, so that nothing is held against it: {first.reason}"
    yield from describe_cases(cases)
    for case in cases:
        if case.verdict != Verdict.INCONCLUSIVE:
            continue
        if case.case.num_replicas != baseline.num_replicas:
            yield f"to settle {case.case.name}: more replicates, since no race takes two numbers of replicas"
            continue
        yield f"to settle {case.case.name}:"
        yield f"{COMMAND}{race_of_cases(baseline, case.case, flags)}"
