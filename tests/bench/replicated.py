"""Runs of replicas made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.records.case import Case
from bench.records.journal import Record, Replica, Trained
from tests.bench.runs import make_case, make_training


def make_replicas_case(num_replicas: int, engine: str = "eager", num_epochs: int = 1_000) -> Case:
    """Return a case."""
    return msgspec.structs.replace(make_case(engine, num_epochs=num_epochs), num_replicas=num_replicas)


def make_replica(seed: int, r_squared: float | None = 0.9998, **changes: object) -> Replica:
    """Return one network of several; each seed has a digest of its own."""
    replica = Replica(
        seed=seed, digest=f"seed {seed}", final_loss=0.25, heldout_rmse=0.1 * seed, heldout_r_squared=r_squared
    )
    return msgspec.structs.replace(replica, **changes)


def make_replicated(
    case: Case, seconds: Sequence[float], replicas: Sequence[Replica] | None = None, replicate: int = 0
) -> list[Record]:
    """Return a training of several networks at once, of the seeds from 1 + replicate on."""
    first = 1 + replicate
    found = tuple(replicas or (make_replica(first + number) for number in range(case.num_replicas)))
    records = make_training(
        case, seconds, replicate=replicate, num_steps=100 * case.num_replicas, digest=f"seed {first}"
    )
    return [msgspec.structs.replace(each, replicas=found) if isinstance(each, Trained) else each for each in records]
