"""What a check of the tool by itself needs to know beforehand, found out in processes that are thrown away."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.connection import Connection
from typing import TypeVar

import msgspec

from bench.errors import UnavailableError
from bench.judge.pairs import compare_steps
from bench.judge.race import estimate
from bench.measure.clock import HOST_CLOCK, Clock, measure_timer_floor, synchronised
from bench.measure.laps import train_in_laps
from bench.measure.process import ask_in_child
from bench.records.race import Laps
from bench.records.selfcheck import Timer

_TIMEOUT_SECONDS = 300.0
NUM_READINGS = 10_000
NUM_COUPLES = 150
BLOCK_EPOCHS = 2
ALPHA_OF_ONE_LOOK = 0.1
"""`estimate` spends half of it: a 95 % interval for who looks once."""
Answer = TypeVar("Answer")


def inspect_timer(device: str) -> Timer:
    """Look at the host's clock and at the device's wait."""
    return _ask(answer_timer, device, Timer)


def measure_injected_size(num_spins: int, num_processes: int) -> tuple[float, float]:
    """Measure ln(with / without) of spins in every step of the engine eager, in processes of one layout.

    Returns:
        The mean, and the half-width of its 95 % interval.
    """
    found = estimate([_ask(answer_size, str(num_spins), float) for _ in range(num_processes)], ALPHA_OF_ONE_LOOK)
    if found is None:
        raise ValueError(f"{num_processes} processes measure nothing")
    return found.mean, found.half_width


def answer_timer(connection: Connection, device_name: str) -> None:
    """Answer in the child."""
    from productnet.device import open_device

    device = open_device(device_name)
    timer = Timer(
        resolution_seconds=find_resolution(HOST_CLOCK),
        cost_seconds=measure_timer_floor(HOST_CLOCK),
        floor_seconds=measure_timer_floor(synchronised(HOST_CLOCK, device.synchronize)),
    )
    connection.send_bytes(msgspec.json.encode(timer))


def answer_size(connection: Connection, num_spins: str) -> None:
    """Answer in the child."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # as a race does
    connection.send_bytes(msgspec.json.encode(time_injection(int(num_spins), HOST_CLOCK)))


def find_resolution(clock: Clock, num_readings: int = NUM_READINGS) -> float:
    """Return the least that a reading and the next differ by, where they differ; 0 where they never do."""
    readings = [clock() for _ in range(num_readings)]
    steps = (after - before for before, after in pairwise(readings) if after > before)
    return min(steps, default=0.0)


def time_injection(num_spins: int, clock: Clock, num_couples: int = NUM_COUPLES) -> float:
    """Time one training with and without spins, in turns: the same network, optimizer and samples.

    Returns:
        ln(with / without), of turns (ABBA) of 20 steps, 10 untimed steps before each, compared as a race's are.
    """
    from bench.records.case import Case
    from bench.workloads.known import SlowedBatching, make_slowed

    case = Case(device="cpu", engine="eager", batching="manual", num_threads=1, num_epochs=1_000)
    workload = make_slowed(case, 1, 0)
    workload.prepare()
    batching = workload.training.batching
    if not isinstance(batching, SlowedBatching):
        raise TypeError("the training has lost its slowed batching")

    def time_turn(spins: int) -> Laps:
        batching.num_spins = spins
        workload.train(1)
        return train_in_laps(workload, BLOCK_EPOCHS, clock, clock)[1]

    turns: dict[int, list[Laps]] = {0: [], num_spins: []}
    for _ in range(num_couples):
        for spins in (0, num_spins, num_spins, 0):
            turns[spins].append(time_turn(spins))
    return compare_steps(turns[0], turns[num_spins])


def _ask(target: Callable[[Connection, str], None], question: str, kind: type[Answer]) -> Answer:
    answer = ask_in_child(target, question, _TIMEOUT_SECONDS)
    if answer is None:
        raise UnavailableError("a process that was asked about this machine ended or hung without an answer")
    return msgspec.json.decode(answer, type=kind)
