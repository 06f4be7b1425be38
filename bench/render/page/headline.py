"""What a report says first: what was measured and where, what it came to, and which mode to use."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bench.judge.quality import Quality
from bench.judge.race import Verdict, judge_race
from bench.judge.results import CaseResult, find_fastest
from bench.judge.sweep import judge_sweep
from bench.records.collection import Collection
from bench.records.race import Race
from bench.records.run import Run
from bench.records.stored import StoredRace, StoredRun, StoredSweep
from bench.records.sweep import Sweep
from bench.records.times import list_undated, sort_newest
from bench.render.race import describe_contrast
from bench.render.summary import UNDATED, advise, describe_machine, describe_run
from bench.render.sweep import describe_pairings
from bench.render.sweep_words import axis_word
from bench.render.tables import describe_quality
from bench.render.units import counted, times

Judged = Mapping[str, Sequence[CaseResult]]

_MAX_NAMED = 3
"""Machines, modes, races or arms of one, sweeps or crossings of one in a headline."""
_MAX_ALARMS = 40


def describe_collection(collection: Collection, judged: Judged) -> Iterator[str]:
    """Say it in a few sentences; what is wrong with it is said elsewhere, and before."""
    if len(collection.runs) == 1:
        stored = collection.runs[0]
        yield " ".join(f"{line.rstrip('.')}." for line in describe_run(stored.result)[:2])
        yield advise(judged[stored.content])
        yield _count_qualities(stored.result, judged[stored.content])
    elif collection.runs:
        yield describe_runs(collection.runs, collection.read_at)
        yield from _recommend(collection.runs, judged)
    for race in collection.races[:_MAX_NAMED]:
        yield _describe_race(race.result)
    if len(collection.races) > _MAX_NAMED:
        yield f"{len(collection.races) - _MAX_NAMED} more races stand below."
    for sweep in collection.sweeps[:_MAX_NAMED]:
        yield _describe_sweep(sweep.result)
    if len(collection.sweeps) > _MAX_NAMED:
        yield f"{len(collection.sweeps) - _MAX_NAMED} more sweeps stand below."
    if collection.foreign:
        others = ", ".join(dict.fromkeys(each.measured_by for each in collection.foreign))
        yield f"Beside them stands what {others} measured, by rules of their own: it is never ranked with ours."


def list_alarms(collection: Collection, judged: Judged) -> list[str]:
    """Say what is wrong: what can't be read, was stopped, failed, or may not be ranked."""
    alarms = list(_find_alarms(collection, judged))
    if len(alarms) > _MAX_ALARMS:
        alarms[_MAX_ALARMS:] = [f"{len(alarms) - _MAX_ALARMS} more of the kind are not listed"]
    return alarms


def _find_alarms(collection: Collection, judged: Judged) -> Iterator[str]:
    for path, fault in collection.faults.items():
        yield f"Can't be read, and is left out: {path}: {fault}"
    dated: list[StoredRun | StoredRace | StoredSweep] = [*collection.runs, *collection.races, *collection.sweeps]
    for each in list_undated(dated, collection.read_at):
        yield f"{each.path}: {UNDATED} ({each.started_at})"
    for stored in collection.runs:
        for text in (*stored.result.warnings, *mark_run(stored, judged[stored.content])):
            yield f"{stored.path}: {text}"
    for race in collection.races:
        for text in (*race.result.warnings, *mark_race(race)):
            yield f"{race.path}: {text}"
    for sweep in collection.sweeps:
        for text in (*sweep.result.warnings, *mark_sweep(sweep)):
            yield f"{sweep.path}: {text}"


def mark_run(stored: StoredRun, results: Sequence[CaseResult]) -> list[str]:
    """Say in a few words what is not as it should be with a run."""
    marks = [] if stored.result.is_complete else ["PARTIAL"]
    counts = Counter("failed" if each.failures else str(each.quality) for each in results)
    words = ("failed", *map(str, (Quality.INVALID, Quality.DIFFERENT, Quality.UNDECIDED, Quality.NOT_TRAINED)))
    return [*marks, *(f"{counts[word]} of {len(results)} cases {word}" for word in words if counts[word])]


def mark_race(stored: StoredRace) -> list[str]:
    """Say in a few words what is not as it should be with a race."""
    race = stored.result
    marks = [] if race.ended else ["PARTIAL"]
    marks += [f"arm {race.info.plan.arms[each.arm].label} {each.kind}" for each in race.fallen]
    contrasts = judge_race(race)
    marks += [str(Verdict.UNSTABLE)] if any(each.verdict is Verdict.UNSTABLE for each in contrasts) else []
    qualities = {str(each.quality.quality) for each in contrasts}
    return marks + [str(each) for each in (Quality.INVALID, Quality.DIFFERENT, Quality.UNDECIDED) if each in qualities]


def mark_sweep(stored: StoredSweep) -> list[str]:
    """Say in a few words what is not as it should be with a sweep; what does not fit is an answer."""
    sweep = stored.result
    marks = ["PARTIAL"] if sweep.ended is None or sweep.ended.reason == "interrupted" else []
    num_failed = sum(lost.kind == "failed" for lost in sweep.lost)
    return marks + ([f"{counted(num_failed, 'point')} failed"] if num_failed else [])


def _count_qualities(run: Run, results: Sequence[CaseResult]) -> str:
    counts = Counter(describe_quality(each) for each in results)
    found = ", ".join(f"{count} {quality}" for quality, count in counts.most_common())
    reference = run.info.plan.reference
    against = f", held against {reference.name} seed by seed" if reference else ""
    return f"Quality of {len(results)} cases{against}: {found}."


def describe_runs(runs: Sequence[StoredRun], now: datetime) -> str:
    """Say when and where several runs were measured."""
    dated = [each.started_at for each in sort_newest(runs, now) if each not in list_undated(runs, now)]
    when = f"started from {dated[-1]} to {dated[0]}" if dated else "started nobody knows when"
    machines = Counter(describe_machine(each.result.info.environment) for each in runs)
    where = "; ".join(f"{count} on {machine}" for machine, count in machines.most_common(_MAX_NAMED))
    others = f"; and {len(machines) - _MAX_NAMED} more machines or versions" if len(machines) > _MAX_NAMED else ""
    return f"{len(runs)} runs, {when}: {where}{others}."


def _recommend(runs: Sequence[StoredRun], judged: Judged) -> Iterator[str]:
    fastest = Counter(best.case.name for each in runs if (best := find_fastest(judged[each.content])))
    if not fastest:
        yield "No case of any run ran to its end with a quality that may be ranked: there is no mode to recommend."
    baselines = {each.result.info.plan.baseline.name for each in runs}
    baseline = baselines.pop() if len(baselines) == 1 else "its run's first case"
    for name, count in fastest.most_common(_MAX_NAMED):
        cases = [each for run in runs for each in judged[run.content] if each.case.name == name]
        gains = [each.speedup for each in cases if each.speedup]
        is_faster = gains and name != baseline
        over = f", {times(statistics.median(gains))} the speed of {baseline} (median)" if is_faster else ""
        yield f"Fastest valid mode in {count} of {len(runs)} runs: {name}{over}."


def _describe_race(race: Race) -> str:
    arms, contrasts = race.info.plan.arms, judge_race(race)
    said = " ".join(f"{describe_contrast(race, each)}." for each in contrasts[:_MAX_NAMED])
    more = f" {len(contrasts) - _MAX_NAMED} more stand below." if len(contrasts) > _MAX_NAMED else ""
    return f"Race of {', '.join(f'{arm.label}: {arm.settings}' for arm in arms)}. {said}{more}"


def _describe_sweep(sweep: Sweep) -> str:
    """Say where the curves of a sweep cross, as many of them as a headline holds."""
    plan = sweep.info.plan
    said = list(describe_pairings(plan, judge_sweep(sweep)))
    more = f" {len(said) - _MAX_NAMED} more lines stand below." if len(said) > _MAX_NAMED else ""
    curves = ", ".join(case.name for case in plan.curves)
    return f"Sweep of {curves} over {axis_word(plan)}. {' '.join(f'{line}.' for line in said[:_MAX_NAMED])}{more}"
