"""The cases of each suite, without torch: which engines, batchings and precisions, and how many replicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from bench.records.case import Case
from productnet.registry import AMP, BATCHINGS, ENGINES, PRECISIONS, REPLICA_BATCHING, REPLICA_ENGINES, split_batching

Mode = tuple[str, str, str]
"""Engine, batching, precision."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Modes, the baseline first, and how often each is measured in a fresh process."""

    modes: tuple[Mode, ...]
    accelerator_modes: tuple[Mode, ...]
    """Those that are measured besides on a device that is no CPU."""
    num_replicates: int
    purpose: str
    is_ladder: bool = False
    """Whether its cases are rungs, each to be held against the one before and against what the device can do."""


_REFERENCE = ("cpu", "reference", "manual", "fp32")
_USUAL_ENGINES = ("reference", "eager", "compiled-model")
_BY_HAND = "manual"
_LADDER_BATCHINGS = (*(name for name in BATCHINGS if name != _BY_HAND), _BY_HAND)
"""Loaders first, the stock one before all; by hand last."""

SUITES = {
    "quick": Suite(
        (("reference", "manual", "fp32"), ("reference", "dataloader", "fp32"), ("eager", "manual", "fp32")),
        (),
        1,
        "a first answer within a minute",
    ),
    "standard": Suite(
        tuple(product(_USUAL_ENGINES, BATCHINGS, ("fp32",))),
        tuple(product(_USUAL_ENGINES, BATCHINGS, (AMP,))),
        3,
        "the usual engines under every batching, three seeds each; on accelerators in 16 bits, too",
    ),
    "full": Suite(
        tuple(product(ENGINES, BATCHINGS, PRECISIONS)), (), 5, "all that is registered, in every precision, five seeds"
    ),
    "ladder": Suite(
        (
            ("reference", _BY_HAND, "fp32"),
            *(("reference", batching, "fp32") for batching in _LADDER_BATCHINGS[:-1]),
            *((engine, _BY_HAND, "fp32") for engine in ENGINES if engine != "reference"),
        ),
        (),
        3,
        "every rung from the stock DataLoader to the fastest engine, with the floor of the device",
        is_ladder=True,
    ),
}


def choose_reference(cases: Sequence[Case]) -> Case:
    """Choose the CPU float32 reference of these cases: the one among them that is it, else one on one thread."""
    for case in cases:
        axes = (case.device, case.engine, case.batching, case.precision)
        if axes == _REFERENCE and case.num_replicas == 1:
            return case
    device, engine, batching, precision = _REFERENCE
    return Case(
        device=device,
        engine=engine,
        batching=batching,
        precision=precision,
        num_threads=1,
        num_epochs=cases[0].num_epochs,
    )


def order_rungs(cases: Sequence[Case]) -> tuple[str, ...]:
    """Name the cases in the order in which a ladder climbs them: first the batchings, then engines as registered.

    So each rung of the suite differs from the one before in one thing. Every device has a ladder of its own, and every
    number of replicas there.
    """
    devices = list(dict.fromkeys(case.device for case in cases))
    replicas = sorted({case.num_replicas for case in cases})
    orders: tuple[Sequence[object], ...] = (devices, replicas, list(ENGINES), _LADDER_BATCHINGS, PRECISIONS)

    def place(case: Case) -> list[int]:
        batching, num_workers = split_batching(case.batching)
        axes = (case.device, case.num_replicas, case.engine, batching, case.precision)
        return [*(order.index(value) for order, value in zip(orders, axes, strict=True)), num_workers]

    return tuple(case.name for case in sorted(cases, key=place))


def plan_cases(
    suite: Suite,
    devices: Sequence[str],
    engines: Sequence[str] | None,
    batchings: Sequence[str] | None,
    precisions: Sequence[str] | None,
    num_threads: int,
    num_epochs: int,
    replicas: Sequence[int] = (1,),
) -> tuple[Case, ...]:
    """Lay out the cases of a suite on some devices; the first is the baseline.

    Args:
        engines: None for the suite's own; otherwise each is combined with each batching and precision.
        batchings: likewise.
        precisions: likewise; what a device can't do becomes a case that is unavailable, with its reason.
        replicas: how many networks at once, each number with each mode. Of its own modes a suite leaves out those that
            train one at a time; one that was named becomes a case that is unavailable, with its reason.
    """
    cases = []
    for device in devices:
        modes = suite.modes if device == "cpu" else (*suite.modes, *suite.accelerator_modes)
        if engines is not None or batchings is not None or precisions is not None:
            own: list[dict[str, None]] = [dict.fromkeys(mode[axis] for mode in modes) for axis in range(3)]
            modes = tuple(product(engines or own[0], batchings or own[1], precisions or own[2]))
        cases += [
            Case(
                device=device,
                engine=engine,
                batching=batching,
                precision=precision,
                num_threads=num_threads,
                num_epochs=num_epochs,
                num_replicas=num_replicas,
            )
            for engine, batching, precision in modes
            for num_replicas in replicas
            if num_replicas == 1
            or (
                (engine in REPLICA_ENGINES or engines is not None)
                and (batching == REPLICA_BATCHING or batchings is not None)
            )
        ]
    return tuple(cases)
