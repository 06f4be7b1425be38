"""A fault of a stored result: where it is, what should stand there, and what does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bench.records.journal import Trained
from bench.records.store import SAMPLES_FILE

SLACK = 1e-9
"""What sums of the same numbers in another order may differ by, relative to them."""

_SCALE_TOLERANCE = 1e-3
"""Predictions are float32 numbers, up to 100 in units of y: a thousandth of an error of 0.01 is lost to that."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    file: str
    field: str
    """Within the file: a line and a field of its record, or a row and a column."""
    expected: str
    found: str


def fault_at(line: int, field: str, expected: object, found: object) -> Fault:
    """Make a fault of one record of the samples."""
    return Fault(SAMPLES_FILE, f"line {line}, {field}", str(expected), str(found))


def fault_of(field: str, expected: object, found: object) -> Fault:
    """Make a fault of the samples as a whole."""
    return Fault(SAMPLES_FILE, field, str(expected), str(found))


def check_start(file: str, started_at: str) -> Iterator[Fault]:
    """A result says in UTC when it was begun."""
    try:
        offset = datetime.fromisoformat(started_at).utcoffset()
    except ValueError:
        offset = None
    if offset != timedelta(0):
        yield Fault(file, "started_at", "a time in UTC, ISO 8601", started_at)


def check_numbers(name: str, found: Sequence[int], expected: int | None, line: int) -> Iterator[Fault]:
    """Things are counted from 0, each once, in their order, up to how many were planned.

    Args:
        expected: how many; None where any number may be.
    """
    wanted = list(range(len(found) if expected is None else expected))
    if list(found) != wanted:
        place, number = next(
            ((place, number) for place, number in enumerate(found) if place >= len(wanted) or number != wanted[place]),
            (len(found), "none"),
        )
        yield fault_at(line, name, f"{len(wanted)} of them, {_number_at(wanted, place)} in place {place}", number)


def _number_at(wanted: Sequence[int], place: int) -> str:
    return f"number {wanted[place]}" if place < len(wanted) else "none"


def check_trained(trained: Trained, line: int, num_losses: int) -> Iterator[Fault]:
    """A training has all of its losses, and errors that can be of one set of samples."""
    if len(trained.epoch_losses) != num_losses:
        yield fault_at(line, "epoch_losses", f"{num_losses} losses", len(trained.epoch_losses))
    for name in ("training_accuracy", "heldout_accuracy"):
        each = getattr(trained, name)
        if each is None:  # a workload of a user's own says neither
            continue
        for low, high in (
            ("mean_absolute_error", "rmse"),
            ("rmse", "largest_error"),
            ("share_within_1_percent", "share_within_5_percent"),
        ):
            yield from _check_order(line, name, low, getattr(each, low), high, getattr(each, high))
    yield from _check_scale(trained, line)
    memory = trained.memory
    yield from _check_order(line, "memory", "baseline_bytes", memory.baseline_bytes, "peak_bytes", memory.peak_bytes)


def check_replicas(trained: Trained, line: int, seed: int, num_replicas: int) -> Iterator[Fault]:
    """Networks that were trained at once have seeds that follow each other, and the first is what the record is of."""
    seeds = [each.seed for each in trained.replicas]
    wanted = list(range(seed, seed + num_replicas)) if num_replicas > 1 else []
    if seeds != wanted:
        shown = f"{len(wanted)} of seeds from {seed} on" if wanted else "none"
        yield fault_at(line, "replicas", shown, f"{len(seeds)}, of seeds {str(seeds)[:60]}")
        return
    for first in trained.replicas[:1]:
        heldout = trained.heldout_accuracy
        ours = (first.digest, first.final_loss, first.heldout_rmse, first.heldout_r_squared)
        theirs = (trained.digest, trained.final_loss, heldout and heldout.rmse, heldout and heldout.r_squared)
        if ours != theirs:
            yield fault_at(line, "replicas", f"the first is {theirs}, what the record says besides", str(ours))


def _check_scale(trained: Trained, line: int) -> Iterator[Fault]:
    """The MSE is standardised and its root is not: what lies between them is one scale, the targets' own spread."""
    ours, theirs = trained.heldout_accuracy, trained.training_accuracy
    if not (ours and theirs):
        return
    if ours.mse and ours.rmse and theirs.mse and theirs.rmse:
        expected = math.sqrt(ours.mse) * (theirs.rmse / math.sqrt(theirs.mse))
        if not math.isclose(ours.rmse, expected, rel_tol=_SCALE_TOLERANCE):
            scaled = f"{expected!r}, its mse on the scale of training_accuracy"
            yield fault_at(line, "heldout_accuracy.rmse", scaled, repr(ours.rmse))


def _check_order(
    line: int, name: str, low: str, low_value: float | None, high: str, high_value: float | None
) -> Iterator[Fault]:
    if low_value is not None and high_value is not None and low_value > high_value * (1 + SLACK):
        yield fault_at(line, f"{name}.{low}", f"at most {high}, {high_value!r}", repr(low_value))


def total(seconds: Iterable[float]) -> float:
    """Add up times; a little less, so that another order of adding is no fault."""
    return sum(seconds) * (1 - SLACK)
