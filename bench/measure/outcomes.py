"""What a worker answers about its case as a whole, as records of the run."""

from __future__ import annotations

from bench.measure.messages import CallsCounted, Explored, Judged, Ready
from bench.measure.seat import Seat
from bench.records.case import Case
from bench.records.journal import Counted, Started, Trained, as_text


def make_started(case: Case, replicate: int, wave: int, ready: Ready, explored: Explored) -> Started:
    """Make the record of a worker that has set up its case."""
    return Started(
        case=case.name,
        replicate=replicate,
        wave=wave,
        setup_seconds=ready.setup_seconds,
        compile_seconds=ready.compile_seconds,
        pilot_epoch_seconds=ready.pilot_epoch_seconds,
        timer_floor_seconds=explored.timer_floor_seconds,
        is_cold=ready.is_cold,
        first_step_seconds=ready.first_step_seconds,
        num_multiply_adds_per_step=explored.num_multiply_adds_per_step,
        multiply_adds_per_second=explored.multiply_adds_per_second,
        floor_seconds=explored.floor_seconds,
        work=explored.work,
    )


def make_trained(seat: Seat, wave: int, judged: Judged) -> Trained:
    """Make the record of a training that is complete."""
    return Trained(
        case=seat.case.name,
        replicate=seat.replicate,
        wave=wave,
        digest=judged.digest,
        epoch_losses=tuple(seat.epoch_losses),
        training_accuracy=judged.training_accuracy,
        heldout_accuracy=judged.heldout_accuracy,
        heldout_error=judged.heldout_error,
        memory=judged.memory,
        replicas=judged.replicas,
    )


def make_counted(seat: Seat, wave: int, counted: CallsCounted) -> Counted:
    """Make the record of what a step calls."""
    return Counted(
        case=seat.case.name,
        replicate=seat.replicate,
        wave=wave,
        operators_per_step=counted.operators_per_step,
        kernels_per_step=counted.kernels_per_step,
    )


def make_uncounted(seat: Seat, wave: int, reason: str) -> Counted:
    """Make the record of why what a step calls is not known."""
    return Counted(
        case=seat.case.name, replicate=seat.replicate, wave=wave, operators_per_step=None, reason=as_text(reason)
    )
