"""What a device does at most, asked in a process that is thrown away: no case shares its memory, threads or compiler.

The library's matrix product is the one that steps are refused by (`bench.measure.floor`).
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import msgspec

from bench.errors import BenchError
from bench.measure.clock import HOST_CLOCK, Clock, synchronised
from bench.measure.floor import choose_product
from bench.measure.operators import count_calls
from bench.measure.process import ask_in_child
from bench.measure.rate import UnmeasurableError, measure_rate
from bench.measure.registers import MULTIPLY_ADDS_PER_PASS, make_register_work, use_widest_vectors
from bench.records.case import Case
from bench.records.journal import as_text
from bench.records.rates import RATES, Rates
from productnet.errors import ProductNetError, first_line

if TYPE_CHECKING:
    from productnet.device import Device

TIMEOUT_SECONDS = 120.0

_STREAM_SIZE = 2**26
"""Numbers of an array: 256 MiB, above the caches of any device."""

_NUM_COUNTED_STEPS = 10

LARGEST_REGISTER_RATE = 4 * 16 * 8e9
"""Of a thread: four vectors of 16 numbers a cycle at 8 GHz are more than any core does."""
LARGEST_MATRIX_RATE, LARGEST_STREAM_RATE, LARGEST_OPERATOR_RATE = 1e17, 1e14, 1e9
"""Likewise of a device: a hundred times what the fastest of 2026 do."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A device with what its rates are measured by."""

    device: Device
    num_threads: int
    precision: str
    clock: Clock


def probe_rates(cases: Sequence[Case], wave: int) -> Iterator[Rates]:
    """Measure the rates that these cases are to be held against: one record for each device, precision and threads."""
    for device, precision, num_threads in dict.fromkeys(
        (case.device, case.precision, case.num_threads) for case in cases
    ):
        asked = Rates(
            device=device, precision=precision, num_threads=num_threads, wave=wave, reasons=dict.fromkeys(RATES, "-")
        )
        answer = ask_in_child(answer_rates, msgspec.json.encode(asked).decode(), TIMEOUT_SECONDS)
        if answer is None:
            reason = "the process that measures it ended or hung"
            yield msgspec.structs.replace(asked, reasons=dict.fromkeys(RATES, reason))
        else:
            yield msgspec.json.decode(answer, type=Rates)


def answer_rates(connection: Connection, question: str) -> None:
    """Answer in the child: a record of which nothing is known yet, filled in."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    asked = msgspec.json.decode(question, type=Rates)
    use_widest_vectors()
    connection.send_bytes(msgspec.json.encode(measure_rates(asked)))


def measure_rates(asked: Rates, clock: Clock = HOST_CLOCK) -> Rates:
    """Fill in a record of which nothing is known yet. Synchronizes: yes."""
    import torch

    from productnet.device import open_device

    torch.set_num_threads(asked.num_threads)
    try:
        device = open_device(asked.device)
    except ProductNetError as error:
        return msgspec.structs.replace(asked, reasons=dict.fromkeys(RATES, as_text(str(error))))
    bench = Bench(device, asked.num_threads, asked.precision, synchronised(clock, device.synchronize))
    ways = (_measure_registers, _measure_matrix, _measure_stream, _measure_operators)
    rates, reasons = {}, {}
    for name, way in zip(RATES, ways, strict=True):
        try:
            rates[name] = way(bench)
        except (UnmeasurableError, BenchError, ProductNetError, RuntimeError) as error:
            reasons[name] = as_text(first_line(error))
    return msgspec.structs.replace(asked, **rates, reasons=reasons)


def _measure_registers(bench: Bench) -> float:
    kind = bench.device.torch_device.type
    if kind == "cpu":
        work, per_pass = make_register_work(bench.num_threads), MULTIPLY_ADDS_PER_PASS * bench.num_threads
        largest = LARGEST_REGISTER_RATE * bench.num_threads
    elif kind == "cuda":
        work, per_pass = _make_card_work(bench.device)
        largest = LARGEST_MATRIX_RATE
    else:
        raise UnmeasurableError(f"there is no compiled loop for {kind}, only for cpu and cuda")
    return per_pass * measure_rate(work, bench.clock, largest / per_pass)


def _make_card_work(device: Device) -> tuple[Callable[[int], None], int]:
    try:
        from bench.measure import card_registers
    except ImportError as error:
        raise UnmeasurableError(
            f"it needs Triton ({first_line(error)}), which torch's builds for CUDA bring"
        ) from error
    return card_registers.make_card_work(device.torch_device), card_registers.MULTIPLY_ADDS_PER_PASS


def _measure_matrix(bench: Bench) -> float:
    from productnet.precision import set_up_arithmetic

    product = choose_product(bench.device, set_up_arithmetic(bench.device, bench.precision), bench.clock)
    num_each = product.num_multiply_adds
    return num_each * measure_rate(product.work, bench.clock, LARGEST_MATRIX_RATE / num_each)


def _measure_stream(bench: Bench) -> float:
    import torch

    source = torch.ones(_STREAM_SIZE, device=bench.device.torch_device)
    target = torch.zeros_like(source)

    def copy(amount: int) -> None:
        for _ in range(amount):
            target.copy_(source)

    num_bytes = 2 * source.element_size() * _STREAM_SIZE
    rate = num_bytes * measure_rate(copy, bench.clock, LARGEST_STREAM_RATE / num_bytes)
    if target[-1].item() != 1.0:  # sync point
        raise UnmeasurableError("what was copied did not arrive")
    return rate


def _measure_operators(bench: Bench) -> float:
    """Time a step of the textbook loop on a single number: nothing to compute, and all the calls.

    Calls of one operator again and again would be cheaper than those of a training, whose gradients are recorded.
    """
    import torch
    from torch.nn.functional import mse_loss

    place = bench.device.torch_device
    model = torch.nn.Linear(1, 1, device=place)
    optimizer = torch.optim.Adam(model.parameters())
    number = torch.ones(1, 1, device=place)

    def train(num_steps: int) -> None:
        for _ in range(num_steps):
            mse_loss(model(number), number).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()

    train(1)
    num_operators, _ = count_calls(lambda: train(_NUM_COUNTED_STEPS))
    if num_operators == 0:
        raise UnmeasurableError("torch's profiler saw no operator")
    per_step = num_operators / _NUM_COUNTED_STEPS
    return per_step * measure_rate(train, bench.clock, LARGEST_OPERATOR_RATE / per_step, statistics.median)
