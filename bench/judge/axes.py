"""The axes of a case, to choose cases by and to lay them out along."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.records.case import Case

AXES: Mapping[str, Callable[[Case], str]] = {
    "device": lambda case: case.device,
    "engine": lambda case: case.engine,
    "batching": lambda case: case.batching,
    "precision": lambda case: case.precision,
    "threads": lambda case: str(case.num_threads),
    "replicas": lambda case: str(case.num_replicas),
}


def is_chosen(case: Case, filters: Sequence[tuple[str, str]]) -> bool:
    """Say whether a case has, of each axis that is filtered by, one of the values."""
    wanted: dict[str, set[str]] = {}
    for axis, value in filters:
        wanted.setdefault(axis, set()).add(value)
    return all(AXES[axis](case) in values for axis, values in wanted.items())


def list_varying(cases: Sequence[Case]) -> list[str]:
    """Return the axes along which cases differ."""
    return [axis for axis, value_of in AXES.items() if len(set(map(value_of, cases))) > 1]
