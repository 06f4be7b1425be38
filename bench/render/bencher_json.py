"""Runs for Bencher: Bencher Metric Format.

Source: https://bencher.dev/docs/reference/bencher-metric-format and its schema, https://bencher.dev/bmf.json.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.judge.statistics import Summary
from bench.records.collection import Collection
from bench.render.document import to_json
from bench.render.series import Point, list_points
from bench.render.units import as_nanoseconds


def to_bencher(collection: Collection, _width: int) -> str:
    """Write Bencher's own measures, an operation being a step: latency in nanoseconds, throughput in operations/s."""
    return to_json({point.name: _document(point) for point in list_points(collection)})


def _document(point: Point) -> dict[str, dict[str, float]]:
    document = {"latency": _metric(point.step_seconds, as_nanoseconds)}
    if point.result.steps_per_second is not None:
        document["throughput"] = _metric(point.result.steps_per_second, float)
    return document


def _metric(summary: Summary, scale: Callable[[float], float]) -> dict[str, float]:
    metric = {"value": scale(summary.median)}
    if summary.low is not None and summary.high is not None:
        metric |= {"lower_value": scale(summary.low), "upper_value": scale(summary.high)}
    return metric
