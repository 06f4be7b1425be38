"""What a sweep shows while it measures: a line before each visit."""

from __future__ import annotations

from bench.judge.itinerary import Visit
from bench.records.sweep import SweepPlan
from bench.render.sweep_words import axis_word
from bench.render.units import duration, whole


def describe_visit(plan: SweepPlan, visit: Visit, seconds_left: float) -> str:
    """Say what is measured next, and how much of the budget is left."""
    points = dict.fromkeys(values for _, values in visit.members)
    shown = "; ".join(
        ", ".join(f"{axis_word(plan, place)} {whole(value)}" for place, value in enumerate(values)) for values in points
    )
    curves = ", ".join(plan.curves[curve].name for curve in dict.fromkeys(curve for curve, _ in visit.members))
    why = "a crossing" if visit.is_refining else "the grid"
    return f"{why}: {shown}: {curves}; {duration(max(0.0, seconds_left))} left"
