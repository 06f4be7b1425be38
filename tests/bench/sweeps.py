"""Sweeps made by hand: curves of known cost a + b * n, so that a test knows where they cross.

sweep = make_sweep([(100e-6, 100e-9), (300e-6, 50e-9)], (100, 1_000, 10_000))    # they cross at 4,000
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.judge.sweep import judge_sweep
from bench.own import make_own_case
from bench.records.case import Case, OwnWorkload
from bench.records.sweep import (
    THREADS,
    Axis,
    Lost,
    Sweep,
    SweepEnded,
    SweepInfo,
    SweepPlan,
    SweepRecord,
    Timed,
    Values,
    assemble_sweep,
)
from bench.records.sweep_store import open_sweep
from bench.render.sweep import list_sweep_files
from tests.bench.runs import ENVIRONMENT, make_case

CURVES = (make_case("eager"), make_case("reference"))
DEFAULT_AXES: tuple[tuple[str, Sequence[int]], ...] = (("batch_size", (1, 10, 100)),)
Cost = tuple[float, float]
"""Seconds a step, and seconds for each unit of the first axis."""


def make_plan(*axes: tuple[str, Sequence[int]], curves: Sequence[Case] = CURVES, **changes: object) -> SweepPlan:
    """Return a plan; over three batch sizes where no axis is given."""
    plan = SweepPlan(
        curves=tuple(curves),
        axes=tuple(Axis(name=name, values=tuple(values)) for name, values in axes or DEFAULT_AXES),
        num_visits=2,
        budget_seconds=60.0,
        resolution=0.1,
        alpha=0.05,
        seed=1,
    )
    return msgspec.structs.replace(plan, **changes)


def make_own_plan(*axes: tuple[str, Sequence[int]]) -> SweepPlan:
    """Return a plan over parameters of a user's own class, each 16 by itself, in two precisions."""
    conv = OwnWorkload(name="conv", place="conv.py:Workload", digest="0" * 64)
    curves = tuple(
        make_own_case(conv, "cpu", precision, num_threads=1, num_steps=200) for precision in ("fp32", "bf16")
    )
    return make_plan(
        curves=curves,
        axes=tuple(_make_own_axis(name, values) for name, values in axes),
    )


def _make_own_axis(name: str, values: Sequence[int]) -> Axis:
    return Axis(name=name, values=tuple(values), default=None if name == THREADS else 16)


def make_info(plan: SweepPlan | None = None) -> SweepInfo:
    """Return what `sweep.json` holds."""
    return SweepInfo(
        started_at="2026-01-02T03:04:05+00:00",
        command="python -m bench.sweep",
        environment=ENVIRONMENT,
        plan=plan or make_plan(),
    )


def make_timed(
    visit: int = 0, curve: int = 0, values: Values = (1,), step_seconds: float = 0.001, num_rounds: int = 4
) -> Timed:
    """Return what a process has timed: blocks of ten steps."""
    return Timed(
        visit=visit,
        curve=curve,
        values=values,
        num_steps=10,
        seconds=(10 * step_seconds,) * num_rounds,
        epoch_seconds=10 * step_seconds,
        wall_seconds=1.0,
    )


def make_records(costs: Sequence[Cost], points: Sequence[Values], num_visits: int, noise: float) -> list[Timed]:
    """Visit every point so often; each process is off by its own luck, normal on the logarithm."""
    luck = random.Random(1)
    return [
        make_timed(
            visit * len(points) + place, curve, values, (fixed + each * values[0]) * math.exp(luck.gauss(0, noise))
        )
        for visit in range(num_visits)
        for place, values in enumerate(points)
        for curve, (fixed, each) in enumerate(costs)
    ]


def make_sweep(
    costs: Sequence[Cost],
    values: Sequence[int],
    num_visits: int = 2,
    noise: float = 0.001,
    curves: Sequence[Case] = CURVES,
) -> Sweep:
    """Return a sweep over batch sizes that came to its end."""
    records: list[SweepRecord] = [
        *make_records(costs, [(value,) for value in values], num_visits, noise),
        SweepEnded(reason="resolved", seconds=30.0),
    ]
    return assemble_sweep(make_info(make_plan(("batch_size", values), curves=curves)), records)


def make_lost(curve: int = 0, values: Values = (100,), **changes: object) -> Lost:
    """Return a point that does not fit."""
    lost = Lost(curve=curve, values=values, kind="memory", reason="out of memory")
    return msgspec.structs.replace(lost, **changes)


def make_crossing_sweep() -> Sweep:
    """Return two curves that cross at 4,000, of which one has no room for a million and failed once."""
    sweep = make_sweep([(100e-6, 100e-9), (300e-6, 50e-9)], (10, 100, 1_000, 10_000, 100_000))
    failed = make_lost(curve=1, values=(100,), kind="failed", reason="out of luck")
    return replace(sweep, lost=(make_lost(values=(10**6,)), failed))


def write_sweep(path: Path, sweep: Sweep) -> Path:
    """Store a sweep as `bench.sweep` does, with its tables."""
    directory, _ = open_sweep(sweep.info, path, ())
    with directory:
        records: list[SweepRecord] = [*sweep.timed, *sweep.lost, *([sweep.ended] if sweep.ended else [])]
        for record in records:
            directory.append(record)
        for name, text in list_sweep_files(sweep, judge_sweep(sweep)).items():
            directory.write_text(name, text)
    return path
