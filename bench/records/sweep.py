"""A sweep: some modes along one axis or two; what it set out to do, and what happened, one record each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from bench.records.case import Argument, Case, Count, Index, Shape
from bench.records.journal import PositiveSeconds, Seconds, Text
from bench.records.price import Prices
from bench.records.run import Info

DEFAULTS: Mapping[str, int] = MappingProxyType(
    {"batch_size": 100, "hidden": 16, "num_samples": 1_000, "threads": 1, "depth": 2, "replicas": 1}
)
"""The axes of the product network, and where the recipe lies on each."""
THREADS = "threads"
"""An axis of every workload: those of the CPU."""
BATCHES_PER_EPOCH = 10
"""As many as the recipe has: what an epoch costs beside its steps is shared out over equally many."""

MAX_CURVES = 16
MAX_VALUES = 64
Share = Annotated[float, Meta(ge=1e-9, lt=1.0)]
StopReason = Literal["resolved", "budget", "interrupted"]
Values = Annotated[tuple[Count, ...], Meta(min_length=1, max_length=2)]
"""A point: a value of each axis, in their order."""


class Axis(Struct, frozen=True, kw_only=True):
    """What is varied, and the values to begin with."""

    name: Argument
    values: Annotated[tuple[Count, ...], Meta(min_length=1, max_length=MAX_VALUES)]
    default: Count | None = None
    """Where a workload of a user's own lies by itself: the axis is a parameter of its class."""

    def __post_init__(self) -> None:
        if list(self.values) != sorted(set(self.values)):
            raise ValueError(f"the values of {self.name} do not rise")
        if self.default is None and self.name not in DEFAULTS:
            raise ValueError(f"{self.name} is no axis of the product network, and has no default")

    @property
    def usual(self) -> int:
        """Where what is swept lies by itself."""
        return DEFAULTS[self.name] if self.default is None else self.default


class SweepPlan(Struct, frozen=True, kw_only=True):
    """What a sweep sets out to do."""

    curves: Annotated[tuple[Case, ...], Meta(min_length=1, max_length=MAX_CURVES)]
    """Each at the recipe's sizes, with a name of its own; the first is what speedups are over."""
    axes: Annotated[tuple[Axis, ...], Meta(min_length=1, max_length=2)]
    """Curves cross along the first; the second, where there is one, makes families of curves."""
    num_visits: Count
    """To each value that it begins with, each time in fresh processes."""
    budget_seconds: PositiveSeconds
    resolution: Share
    """How well a crossing is to be known."""
    alpha: Share
    seed: Index
    prices: Prices = {}
    """Where two curves have different ones, they cross in money elsewhere than in time."""

    def __post_init__(self) -> None:
        names = [curve.name for curve in self.curves]
        if len(set(names)) < len(names):
            raise ValueError("two curves have the same name")
        if len({axis.name for axis in self.axes}) < len(self.axes):
            raise ValueError("both axes are the same")
        if len({curve.workload is None for curve in self.curves}) > 1:
            raise ValueError("the product network has other axes than a workload of a user's own")

    def case_at(self, curve: int, values: Values) -> Case:
        """Return the case of a curve at a point.

        Of a user's own workload, what its class is called with varies. Of the product network the number of samples
        grows with the batch, unless it is an axis: an epoch has as many batches as the recipe's. The second hidden
        layer is half as wide as the first, as in the recipe, unless depth is an axis: then all are equally wide.
        """
        case = self.curves[curve]
        found = dict(zip((axis.name for axis in self.axes), values, strict=True))
        num_threads = found.get(THREADS, case.num_threads)
        if case.workload is not None:
            arguments = tuple((name, value) for name, value in found.items() if name != THREADS)
            workload = msgspec.structs.replace(case.workload, arguments=arguments)
            return msgspec.structs.replace(case, num_threads=num_threads, workload=workload)
        batch_size = found.get("batch_size", DEFAULTS["batch_size"])
        width = found.get("hidden", DEFAULTS["hidden"])
        shape = Shape(
            batch_size=batch_size,
            hidden_sizes=(width,) * found["depth"] if "depth" in found else (width, max(1, width // 2)),
            num_samples=found.get("num_samples", BATCHES_PER_EPOCH * batch_size if "batch_size" in found else 1_000),
        )
        return msgspec.structs.replace(
            case,
            num_threads=num_threads,
            num_replicas=found.get("replicas", case.num_replicas),
            shape=None if shape == Shape() else shape,
        )


class SweepInfo(Info, frozen=True, kw_only=True):
    """The contents of `sweep.json`, written once, before anything is measured."""

    plan: SweepPlan


class Timed(Struct, tag="timed", frozen=True, kw_only=True):
    """A fresh process has timed one point of a curve. What has the same `visit` took turns with it, round by round."""

    visit: Index
    curve: Index
    values: Values
    num_steps: Count
    """Of a block."""
    seconds: Annotated[tuple[PositiveSeconds, ...], Meta(min_length=1, max_length=1_000)]
    """Of a block, one a round."""
    epoch_seconds: PositiveSeconds
    """Of an epoch, as timed before the first round to cut blocks with."""
    wall_seconds: Seconds
    """All that this process took of the sweep's time, from its start."""
    num_samples: Count | None = None
    """Of a block: samples, or what else a step of a user's own workload counts. None in what was stored before."""


class Lost(Struct, tag="lost", frozen=True, kw_only=True):
    """A point of a curve that can't be had."""

    curve: Index
    values: Values
    kind: Literal["estimate", "memory", "failed", "unavailable"]
    """It would not fit; it did not fit; it failed otherwise; its engine or device can't do it."""
    reason: Text

    def rules_out(self, curve: int, values: Values) -> bool:
        """Say whether a point can't be had either: where one does not fit, no larger one does."""
        if curve != self.curve:
            return False
        if self.kind == "failed":
            return values == self.values
        return all(ours >= theirs for ours, theirs in zip(values, self.values, strict=True))


class SweepEnded(Struct, tag="ended", frozen=True, kw_only=True):
    """A sitting is over; a sweep that goes on later has several. One without it was killed."""

    reason: StopReason
    seconds: Seconds


SweepRecord = Timed | Lost | SweepEnded


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep, in progress or read back."""

    info: SweepInfo
    timed: tuple[Timed, ...]
    lost: tuple[Lost, ...]
    ended: SweepEnded | None
    """How the last sitting ended, if something says so."""
    warnings: tuple[str, ...] = ()


def reprice(sweep: Sweep, prices: Prices) -> Sweep:
    """Return a sweep at other prices; at its own where none are named."""
    plan = msgspec.structs.replace(sweep.info.plan, prices=prices or sweep.info.plan.prices)
    return replace(sweep, info=msgspec.structs.replace(sweep.info, plan=plan))


def assemble_sweep(info: SweepInfo, records: Iterable[SweepRecord], warnings: tuple[str, ...] = ()) -> Sweep:
    """Sort records.

    Raises:
        ValueError: when one is of no curve or no point of the plan, or twice of one visit.
    """
    timed: list[Timed] = []
    lost: list[Lost] = []
    ended: SweepEnded | None = None
    seen: set[tuple[int, int, Values]] = set()
    for record in records:
        if isinstance(record, SweepEnded):
            ended = record
            continue
        ended = None
        if record.curve >= len(info.plan.curves) or len(record.values) != len(info.plan.axes):
            raise ValueError(f"a record of curve {record.curve} at {record.values}, which is not planned")
        if isinstance(record, Lost):
            lost.append(record)
            continue
        key = (record.visit, record.curve, record.values)
        if key in seen:
            raise ValueError(f"curve {record.curve} at {record.values} was timed twice in visit {record.visit}")
        seen.add(key)
        timed.append(record)
    return Sweep(info, tuple(timed), tuple(lost), ended, warnings)
