"""What the figures of runs show, as tables of raw values: a picture draws them, and the page shows them below it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.judge.devices import CaseTime
from bench.judge.equivalence import LogRatio
from bench.judge.quality import Quality, list_error_ratios
from bench.judge.results import CaseResult, pair_with_baseline
from bench.records.journal import PHASES
from bench.records.run import Run
from bench.render.page.curves import list_losses
from bench.render.page.figure import ALL, NOT_RANKED, NOT_RESOLVED, RANKED, REST, Figure
from bench.render.table import Column, Table, Value
from bench.render.tables import CASE, describe_quality
from bench.render.units import microseconds, number, times

MAX_BARS = 40
"""Cases in one figure; more of them nobody reads."""


def list_run_figures(run: Run, results: Sequence[CaseResult]) -> list[Figure]:
    """List the figures of a run in which there is something to see."""
    margin = run.info.plan.quality_margin
    figures = (
        Figure("speedups", list_speedups(run, results)),
        Figure("throughput", list_throughput(results)),
        Figure("phases", list_phases(results)),
        Figure("losses", list_losses(results)),
        Figure("quality", list_quality(run, results), (1 / margin, margin)),
    )
    return [figure for figure in figures if figure.table.says_something]


def list_speedups(run: Run, results: Sequence[CaseResult]) -> Table:
    """List the speedup of every case, the fastest first, and of each of its replicates."""
    columns = (CASE, Column("replicate", "replicate"), Column("speedup", "speedup", times), *_STANDING)
    rows: list[tuple[Value, ...]] = []
    kept, notes = _keep(sorted(results, key=lambda result: -(_speedup(result) or 0.0)), "fastest ")
    for result in kept:
        rows.append((result.case.name, ALL, _speedup(result), *_stand(result)))
        ratios = pair_with_baseline(run, run.measurements_of(result.case)) if _speedup(result) else []
        rows += [(result.case.name, str(place), ratio, *_stand(result)) for place, ratio in enumerate(ratios, 1)]
    baseline = run.info.plan.baseline.name
    note = (
        f"Bars: speedup over {baseline}, from pairs of blocks of one round; above 1 is faster. A ratio, no verdict. "
        "Dots: the single replicates. Pale: not ranked, because of what its training came to."
    )
    return Table("Ladder of modes", columns, tuple(rows), (note, *notes))


def list_throughput(results: Sequence[CaseResult]) -> Table:
    """List the throughput of every case, in the order of the plan."""
    columns = (
        CASE,
        Column("samples/s", "samples_per_second", number, has_spread=True),
        Column("speedup", "speedup", times),
        *_STANDING,
    )
    kept, notes = _keep(results, "first ")
    rows = tuple((each.case.name, each.samples_per_second, _speedup(each), *_stand(each)) for each in kept)
    note = (
        "Dots: samples a second, the median over replicates. Lines: from quartile to quartile, often shorter than the "
        "dot is wide; over blocks where there is one replicate."
    )
    return Table("Throughput", columns, rows, (note, *notes))


def make_ladder(results: Sequence[CaseResult]) -> Figure:
    """Show the throughput of every case, the fastest first: the one picture that says most of a run."""
    return Figure("ladder", list_throughput(sorted(results, key=lambda result: -_throughput(result))))


def list_phases(results: Sequence[CaseResult]) -> Table:
    """List the phases of every case with the rest; those too short to be told from the timer are one part together."""
    columns = (CASE, Column("part", "part"), Column("time (us)", "seconds", microseconds))
    kept, notes = _keep([result for result in results if result.phase_split], "first ")
    rows: list[tuple[Value, ...]] = []
    for result in kept:
        if split := result.phase_split:
            resolved = [phase for phase in PHASES if phase not in split.unresolved]
            rows += [(result.case.name, phase, split.phases[phase]) for phase in resolved]
            if split.unresolved:
                short = sum(split.phases[phase] for phase in split.unresolved)
                rows.append((result.case.name, NOT_RESOLVED, short))
            rows.append((result.case.name, REST, split.rest))
    note = (
        "A batch. Rest: in no phase; the loop itself, reading the loss. Not resolved: phases too short to be told from "
        "the timer. The total is the training's own, without inner timers; phases only share it out."
    )
    return Table("Phases", columns, tuple(rows), (note, *notes))


def list_quality(run: Run, results: Sequence[CaseResult]) -> Table:
    """List how the held-out error of every case compares with the reference's: the mean over seeds, and each seed."""
    columns = (
        CASE,
        Column("seed", "seed"),
        Column("ratio", "heldout_mse_ratio", number),
        Column("from", "heldout_mse_ratio_low", number),
        Column("to", "heldout_mse_ratio_high", number),
        Column("quality", "quality"),
    )
    kept, notes = _keep([each for each in results if each.trained and each.quality is not Quality.REFERENCE], "first ")
    rows: list[tuple[Value, ...]] = []
    for result in kept:
        name, quality = result.case.name, describe_quality(result)
        rows.append((name, ALL, *_exponentiate(result.verdict.log_ratio), quality))
        ratios = list_error_ratios(run, result.case)
        rows += [(name, str(seed), ratio, None, None, quality) for seed, ratio in ratios.items()]
    margin = run.info.plan.quality_margin
    note = (
        "Held-out error, of the product network its MSE, over the reference's of the same seed; below 1 is better. "
        "Dots: single seeds. Diamond and line: their geometric mean and its 90 % interval, from three seeds on. Band: "
        f"what counts as equal, {1 / margin:.4g} to {margin:.4g}. No diamond: the same losses bit for bit, or too few "
        "seeds."
    )
    return Table("Quality over seeds", columns, tuple(rows), (note, *notes))


def list_throughput_of_runs(case_times: Sequence[CaseTime]) -> Table:
    """List the throughput of every mode in every run."""
    columns = (
        Column("mode", "mode"),
        Column("run", "run"),
        Column("device", "device"),
        Column("samples/s", "samples_per_second", number, has_spread=True),
    )
    modes = list(dict.fromkeys(time.mode for time in case_times))
    rows = tuple(
        (time.mode, time.name, time.device, time.result.samples_per_second)
        for mode in modes[:MAX_BARS]
        for time in case_times
        if time.mode == mode and time.result.is_rankable
    )
    notes = [
        "Dots: one for each run, samples a second, the median over its replicates. Lines: from quartile to quartile. "
        "Only what may be ranked is drawn."
    ]
    if len(modes) > MAX_BARS:
        notes.append(f"The first {MAX_BARS} of {len(modes)} modes are drawn.")
    return Table("Throughput of every run", columns, rows, tuple(notes))


_STANDING = (Column("quality", "quality"), Column("standing", "standing"))


def _stand(result: CaseResult) -> tuple[str, str]:
    return describe_quality(result), RANKED if result.is_rankable else NOT_RANKED


def _speedup(result: CaseResult) -> float | None:
    # What has not learned is not ranked: no ratio stands beside its name.
    return None if result.quality is Quality.INVALID else result.speedup


def _throughput(result: CaseResult) -> float:
    return result.samples_per_second.median if result.samples_per_second and result.is_rankable else 0.0


def _keep(results: Sequence[CaseResult], which: str) -> tuple[Sequence[CaseResult], list[str]]:
    """Keep as many cases as a figure has room for, and say so."""
    if len(results) <= MAX_BARS:
        return results, []
    return results[:MAX_BARS], [f"The {which}{MAX_BARS} of {len(results)} cases are drawn; the tables have more."]


def _exponentiate(log_ratio: LogRatio | None) -> tuple[float | None, float | None, float | None]:
    if log_ratio is None:
        return None, None, None
    return math.exp(log_ratio.mean), math.exp(log_ratio.low), math.exp(log_ratio.high)
