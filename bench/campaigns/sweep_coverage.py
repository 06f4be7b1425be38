"""`python -m bench.campaigns.sweep_coverage`: how often a sweep's intervals hold the truth, in simulation.

Curves a + b * n of known crossings; the noise is made, the search and the judging are the real ones. Noise is nested:
each visit is slow or fast for both curves, each process has its own luck, each round scatters around that. One line a
scenario; goes on where it was.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from bench.campaigns.json_lines import append_lines, cut_torn_line
from bench.campaigns.sweep_scenarios import CROSSINGS, LAWS, Crossings, Curves, Laws, describe_coverage, read_results
from bench.interrupts import interrupt_once
from bench.judge.crossing import ALPHA, Encounter, Meeting
from bench.judge.itinerary import choose_visits
from bench.judge.scaling import fit_law
from bench.judge.sweep import judge_sweep
from bench.publishing import compress, publish
from bench.records.case import Case
from bench.records.sweep import DEFAULTS, Axis, Sweep, SweepInfo, SweepPlan, Timed

GRID = (1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536)
MAX_VISITS = 60
"""Of a sweep."""
MOOD = 0.05
"""Standard deviation of what slows or quickens all processes of a visit."""
NUM_ROUNDS = 32
RESOLUTION = 0.1
NUM_SWEEPS, NUM_LAWS = 300, 300


def main() -> int:
    """Simulate the scenarios that the file lacks, and show what came of all."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.sweep_coverage", description=__doc__)
    parser.add_argument("--file", type=Path, required=True, help="JSON Lines, made or gone on with")
    parser.add_argument("--show", action="store_true", help="simulate nothing")
    parser.add_argument("--publish", action="store_true", help="simulate nothing, put it into docs/method.md")
    arguments = parser.parse_args()
    if not (arguments.show or arguments.publish):
        interrupt_once()
        simulate_missing(arguments.file)
    text = describe_coverage(read_results(arguments.file))
    print(text)
    if arguments.publish:
        publish("sweeps", text, {"sweep-coverage.jsonl.gz": compress(arguments.file.read_bytes())})
    return 0


def simulate_missing(path: Path) -> None:
    """Simulate scenario after scenario, each from seeds of its own, and write each down before the next one starts."""
    path.touch()
    cut_torn_line(path)
    done = {each.scenario for each in read_results(path)}
    with path.open("ab") as lines, ProcessPoolExecutor() as pool:
        missing = [each for each in (*CROSSINGS, *LAWS) if each not in done]
        for name, result in zip(missing, pool.map(simulate, missing), strict=True):
            append_lines(lines, [result])
            print(f"{name}: {result}", file=sys.stderr, flush=True)


def simulate(name: str) -> Crossings | Laws:
    """Simulate a scenario."""
    return simulate_crossings(name, NUM_SWEEPS) if name in CROSSINGS else simulate_laws(name, NUM_LAWS)


def simulate_crossings(name: str, num_sweeps: int) -> Crossings:
    """Sweep so many times over the same two curves."""
    curves = CROSSINGS[name]
    found = [simulate_sweep(curves, seed) for seed in range(num_sweeps)]
    crossings = [each.crossings for each in found if each.meeting is Meeting.CROSSES]
    return Crossings(
        scenario=name,
        num_sweeps=num_sweeps,
        num_crosses=len(crossings),
        num_missed=sum(len(each) != 1 or not _holds(curves, each[0].low, each[0].high) for each in crossings),
        num_not_within=sum(each.meeting is Meeting.NOT_WITHIN for each in found),
        num_known=sum(all(one.is_known_to(RESOLUTION) for one in each) for each in crossings),
        median_width=statistics.median(each[0].high / each[0].low for each in crossings) if crossings else None,
    )


def _holds(curves: Curves, low: float, high: float) -> bool:
    return curves.crossing is not None and low <= curves.crossing <= high


def simulate_sweep(curves: Curves, seed: int) -> Encounter:
    """Sweep once, as the tool does, until all is known or so many visits are made."""
    luck = np.random.default_rng(seed)
    sweep = Sweep(SweepInfo(started_at="", command="", environment=None, plan=PLAN), (), (), None)
    for number in range(MAX_VISITS):
        visits = choose_visits(sweep, lambda together: len(together) == 1)
        if not visits:
            break
        timed = _make_visit(curves, number, [(curve, values[0]) for curve, values in visits[0].members], luck)
        sweep = Sweep(sweep.info, (*sweep.timed, *timed), (), None)
    return judge_sweep(sweep).pairings[0].encounter


def _make_visit(
    curves: Curves, number: int, members: Sequence[tuple[int, int]], luck: np.random.Generator
) -> list[Timed]:
    mood = luck.normal(0, MOOD)
    timed = []
    for curve, value in members:
        fixed, each = curves.costs[curve]
        spread = curves.spread_at(value) / math.sqrt(2)  # of a process: that of a difference is of two
        off = mood + luck.normal(0, spread) * (curves.outlier if luck.random() < curves.outlier_share else 1)
        rounds = np.exp(off + luck.normal(0, spread, NUM_ROUNDS)) * (fixed + each * value)
        seconds = tuple((1e-6 * rounds).tolist())
        timed.append(
            Timed(
                visit=number,
                curve=curve,
                values=(value,),
                num_steps=1,
                seconds=seconds,
                epoch_seconds=seconds[0],
                wall_seconds=0.0,
            )
        )
    return timed


def simulate_laws(name: str, num_laws: int) -> Laws:
    """Fit so many laws to the same curve, each time visited twice at every value."""
    truth = LAWS[name]
    held = dict.fromkeys(("fixed", "each", "knee", "share"), 0)
    num_bent = 0
    for seed in range(num_laws):
        luck = np.random.default_rng(seed)
        off = np.exp(luck.normal(0, truth.noise, (len(GRID), 2))).tolist()
        seconds = {
            float(value): [truth.seconds_at(value) * factor for factor in factors]
            for value, factors in zip(GRID, off, strict=True)
        }
        law = fit_law(seconds, DEFAULTS["batch_size"])
        if law is None:
            raise RuntimeError("a law of too few points")
        num_bent += law.bend is not None
        intervals = {"fixed": law.fixed, "each": law.each, "knee": law.knee, "share": law.default_share}
        for part, interval in intervals.items():
            held[part] += interval is not None and interval.low <= getattr(truth, part) <= interval.high
    return Laws(scenario=name, num_laws=num_laws, num_bent=num_bent, num_held=held)


def _curve(engine: str) -> Case:
    return Case(device="cpu", engine=engine, batching="manual", num_threads=1, num_epochs=1)


PLAN = SweepPlan(
    curves=(_curve("first"), _curve("second")),
    axes=(Axis(name="batch_size", values=GRID),),
    num_visits=2,
    budget_seconds=1.0,
    resolution=RESOLUTION,
    alpha=ALPHA,
    seed=1,
)

if __name__ == "__main__":
    sys.exit(main())
