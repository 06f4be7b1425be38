"""The work that every gate is given: an epoch of ten eager steps, slowed down by so many spins a step."""

from __future__ import annotations

import os
from collections.abc import Callable

SPINS_VARIABLE = "BENCH_PEERS_SPINS"


def make_epoch() -> Callable[[], object]:
    """Make the work, set up and warmed; spins come from the environment, as both tools start processes of their own."""
    import torch

    from bench.records.case import Case
    from bench.workloads.known import make_slowed

    torch.set_num_threads(1)
    case = Case(device="cpu", engine="eager", batching="manual", num_threads=1, num_epochs=1_000)
    training = make_slowed(case, 1, int(os.environ.get(SPINS_VARIABLE, "0"))).training
    training.prepare()
    training.train(10)
    return lambda: training.train(1)
