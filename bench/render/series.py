"""What may go out to tools that keep one bare number a case and draw it over time: which cases, and under which names.

Beside such a number stands no quality and no word of doubt. So only what may be ranked goes out.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.errors import IncompleteError, UsageError
from bench.judge.devices import find_model
from bench.judge.phases import per_step
from bench.judge.results import CaseResult, judge_run, summarise_blocks
from bench.judge.statistics import Summary
from bench.records.case import Case
from bench.records.collection import Collection
from bench.records.journal import Block
from bench.records.run import Run
from bench.records.stored import StoredRun
from bench.render.escape import for_series
from bench.render.tables import describe_quality

_MAX_MODEL_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Point:
    """A case of a run: one point of a series."""

    name: str
    """Of the series: case and machine. The same in every run of them, and two machines share none."""
    stored: StoredRun
    result: CaseResult
    blocks: tuple[Block, ...]
    """Of its trainings."""
    step_seconds: Summary
    """Over replicates; over blocks where there is one replicate."""

    @property
    def num_replicates(self) -> int:
        """How many fresh processes it was measured in."""
        return self.result.training_seconds.count if self.result.training_seconds else 0


def list_points(collection: Collection) -> list[Point]:
    """List what may go out.

    Raises:
        IncompleteError: when it is nothing.
        UsageError: when two runs would be points of one series.
    """
    points, left_out = _sort(collection)
    if not points:
        raise IncompleteError(f"no case may go out as a bare number; what there is, {len(left_out)}, is left out")
    seen: dict[str, Point] = {}
    for each in points:
        if each.name in seen:
            raise UsageError(
                f"{seen[each.name].stored.path} and {each.stored.path} both have {each.name}: what goes out is one "
                "point of each series, so name one of the runs"
            )
        seen[each.name] = each
    return points


def list_left_out(collection: Collection) -> list[str]:
    """Say what of a collection does not go out, and why."""
    return _sort(collection)[1]


def _sort(collection: Collection) -> tuple[list[Point], list[str]]:
    points, left_out = [], []
    for stored in collection.runs:
        if not stored.result.is_complete:
            left_out.append(f"{stored.path} is left out: the run was stopped before its end")
            continue
        for result in judge_run(stored.result):
            point = _make_point(stored, result)
            if isinstance(point, Point):
                points.append(point)
            else:
                left_out.append(f"{stored.path}: {result.case.name} is left out: {point}")
    left_out += [f"{race.path} is left out: a race is its pairs, and no bare number" for race in collection.races]
    left_out += [f"{each.path} is left out: a sweep is its curves, and no bare number" for each in collection.sweeps]
    left_out += [f"{each.path} is left out: it was measured by {each.measured_by}" for each in collection.foreign]
    return points, left_out


def _make_point(stored: StoredRun, result: CaseResult) -> Point | str:
    """Return the point, or why there is none."""
    if not result.is_rankable:
        reason = result.verdict.reason if not result.failures else result.failures[0].reason
        return ": ".join([describe_quality(result), *([reason] if reason else [])])
    measurements = stored.result.measurements_of(result.case)
    machine = _name_machine(stored.result, result.case)
    if machine is None:
        return "nothing says which machine it was measured on"
    blocks = tuple(block for each in measurements for block in each.blocks_of("train"))
    step_seconds = summarise_blocks(measurements, "train", per_step)
    if step_seconds is None:
        return "it was not trained"
    return Point(f"{for_series(result.case.name)} on {machine}", stored, result, blocks, step_seconds)


def _name_machine(run: Run, case: Case) -> str | None:
    """Name what worked, and the processor that fed it; the host, where the model is not known."""
    environment = run.info.environment
    model = find_model(run, case.device) or (environment.recorded.host_name if environment else None)
    if model is None:
        return None
    processor = find_model(run, "cpu") if case.device != "cpu" else None
    return ", ".join(for_series(each[:_MAX_MODEL_LENGTH]) for each in (model, processor) if each)
