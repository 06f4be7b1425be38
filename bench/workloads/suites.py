"""The cases of each suite, without torch: which engines and batchings, and how many replicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from bench.records.case import Case
from productnet.config import BATCHINGS
from productnet.engines import ENGINES


@dataclass(frozen=True, slots=True)
class Suite:
    """Pairs of engine and batching, the baseline first, and how often each is measured in a fresh process."""

    modes: tuple[tuple[str, str], ...]
    num_replicates: int
    purpose: str


_EVERY_MODE = tuple(product(ENGINES, BATCHINGS))

SUITES = {
    "quick": Suite(
        (("reference", "manual"), ("reference", "dataloader"), ("eager", "manual")), 1, "a first answer within a minute"
    ),
    "standard": Suite(_EVERY_MODE, 3, "the usual engines under every batching, three seeds each"),
    "full": Suite(_EVERY_MODE, 5, "everything that is registered, five seeds each"),
}


def plan_cases(
    suite: Suite,
    devices: Sequence[str],
    engines: Sequence[str] | None,
    batchings: Sequence[str] | None,
    num_threads: int,
    num_epochs: int,
) -> tuple[Case, ...]:
    """Lay out the cases of a suite on some devices; the first is the baseline.

    Args:
        engines: None for the suite's own; otherwise each is combined with each batching.
        batchings: likewise.
    """
    modes: Sequence[tuple[str, str]] = suite.modes
    if engines is not None or batchings is not None:
        own_engines = tuple(dict.fromkeys(engine for engine, _ in suite.modes))
        own_batchings = tuple(dict.fromkeys(batching for _, batching in suite.modes))
        modes = tuple(product(engines or own_engines, batchings or own_batchings))
    return tuple(
        Case(device=device, engine=engine, batching=batching, num_threads=num_threads, num_epochs=num_epochs)
        for device, (engine, batching) in product(devices, modes)
    )
