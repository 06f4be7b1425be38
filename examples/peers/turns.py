"""Training side by side: each side in a process of its own, in turns of random order, only one at work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench.measure.messages import BlockDone, Judge, Judged, Ready, RunBlock, SetUp
from bench.measure.process import WorkerError, WorkerProcess, start_worker
from bench.measure.race_pace import list_core_sets
from bench.records.case import Case
from examples.peers.sides import Side
from examples.peers.trainings import NotTimed, Outcome, Timed

TIMEOUT_SECONDS = 900.0


def take_turns(
    sides: Mapping[str, Side], missing: Sequence[tuple[int, list[str]]], device: str, num_epochs: int
) -> Iterator[Outcome]:
    """Train each seed on the sides that lack it; a side that fails is not asked again.

    Args:
        missing: seeds, each with names of sides.
    """
    cores = next(iter(list_core_sets(1)), None)
    workers: dict[str, WorkerProcess] = {}
    failed = set()
    with ExitStack() as ending:
        logs = Path(ending.enter_context(TemporaryDirectory(prefix="bench-peers-")))
        for seed, names in missing:
            for name in Random(seed).sample(names, len(names)):  # noqa: S311 - the order is no secret
                if name in failed:
                    continue
                is_first = name not in workers
                try:
                    if is_first:
                        workers[name] = start_worker(sides[name].place, logs / str(len(workers)))
                        ending.callback(workers[name].end)
                        workers[name].wait_until_loaded(TIMEOUT_SECONDS)
                    case = sides[name].make_case(device, num_epochs)
                    yield _train(workers[name], name, case, seed, is_first, cores)
                except WorkerError as error:
                    failed.add(name)
                    if name in workers:
                        workers[name].end()  # one that hangs would work beside the others
                    yield NotTimed(side=name, seed=seed, kind=error.kind, reason=error.reason)


def _train(
    worker: WorkerProcess,
    name: str,
    case: Case,
    seed: int,
    is_first: bool,
    cores: tuple[int, ...] | None,
) -> Timed:
    ready = worker.request(SetUp(case=case, seed=seed, cores=cores, timeout_seconds=TIMEOUT_SECONDS), Ready)
    block = RunBlock(kind="train", amount=case.num_epochs, restart=True, timeout_seconds=TIMEOUT_SECONDS)
    done = worker.request(block, BlockDone)
    judged = worker.request(Judge(timeout_seconds=TIMEOUT_SECONDS), Judged)
    accuracy = judged.heldout_accuracy
    if accuracy is None:
        raise WorkerError("rubbish", f"{case.engine} says nothing of what it has learned")
    return Timed(
        side=name,
        seed=seed,
        is_first=is_first,
        compile_seconds=ready.compile_seconds,
        seconds=done.seconds,
        final_loss=done.epoch_losses[-1],
        heldout_mse=accuracy.mse,
        heldout_r_squared=accuracy.r_squared,
    )
