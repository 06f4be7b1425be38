"""What axes, units, points and crossings of a sweep are called."""

from __future__ import annotations

from bench.judge.crossing import Crossing
from bench.records.sweep import SweepPlan
from bench.render.units import whole

_WORDS = {
    "batch_size": "batch size",
    "hidden": "width",
    "num_samples": "samples",
    "threads": "threads",
    "depth": "depth",
    "replicas": "replicas",
}


def axis_word(plan: SweepPlan, place: int = 0) -> str:
    """Name an axis for people."""
    name = plan.axes[place].name
    return _WORDS.get(name, name)


def unit_word(plan: SweepPlan) -> str:
    """Name the unit of work that a law is about."""
    if plan.curves[0].workload is not None:
        return "unit"
    return {"batch_size": "sample", "depth": "layer"}.get(plan.axes[0].name, "multiply-add")


def name_family(plan: SweepPlan, family: tuple[int, ...]) -> str:
    """Name the values of the axes after the first, as the end of a sentence; nothing where there are none."""
    return "".join(f" at {axis_word(plan, place)} {whole(value)}" for place, value in enumerate(family, 1))


def describe_place(crossing: Crossing) -> str:
    """Say where two curves cross, with the interval: "6,400 (5,100 to 8,200)"."""
    about = whole(float(f"{crossing.value:.3g}"))
    return f"{about} ({whole(crossing.low)} to {whole(crossing.high)})"
