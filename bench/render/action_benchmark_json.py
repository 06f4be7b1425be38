"""Runs for the action github-action-benchmark: the JSON of its tool customSmallerIsBetter.

Source: the type BenchmarkResult in its src/extract.ts, and the section on custom benchmarks of its README.
"""

from __future__ import annotations

from bench.records.collection import Collection
from bench.render.document import to_json
from bench.render.escape import for_terminal
from bench.render.series import Point, list_points
from bench.render.summary import describe_machine
from bench.render.units import as_nanoseconds, number

_UNIT = "ns/step"
"""In every run, whatever the size: the action compares values and not units."""


def to_action_benchmark(collection: Collection, _width: int) -> str:
    """Write what a step takes, smaller being better; throughput would want a file and a chart of its own."""
    return to_json([_document(point) for point in list_points(collection)])


def _document(point: Point) -> dict[str, object]:
    seconds, info = point.step_seconds, point.stored.result.info
    document: dict[str, object] = {"name": point.name, "unit": _UNIT, "value": as_nanoseconds(seconds.median)}
    if seconds.low is not None and seconds.high is not None:
        document["range"] = f"{number(as_nanoseconds(seconds.low))} to {number(as_nanoseconds(seconds.high))}"
    extra = (
        f"quality {point.result.quality}, {point.num_replicates} replicate(s)",
        describe_machine(info.environment),
        f"started {info.started_at}",
    )
    return {**document, "extra": "\n".join(map(for_terminal, extra))}
