"""A seat: a live worker with its case, what is planned for it, and what its training has come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.measure.blocks import (
    DETAIL_BLOCK_SECONDS,
    INFERENCE_BLOCK_SECONDS,
    TrainBlock,
    amount_for,
    cut_training,
)
from bench.measure.messages import BlockDone, Explored, Ready
from bench.measure.process import WorkerError, WorkerProcess
from bench.records.case import Case
from bench.records.journal import BlockKind
from bench.records.plan import Plan

LARGEST_DRIFT = 0.01
"""A repetition may end at a loss that differs by this share: devices whose sums have no fixed order stay far under."""


@dataclass(frozen=True, slots=True)
class DetailBlock:
    """What a case does in a detail round, beside others."""

    kind: BlockKind
    amount: int
    """Epochs; batches for inference."""
    prefix: str | None = None


class Seat:
    """A live worker with its case, and what its pilot plans for it."""

    def __init__(
        self, plan: Plan, case: Case, replicate: int, process: WorkerProcess, ready: Ready, explored: Explored
    ) -> None:
        self.case = case
        self.replicate = replicate
        self.process = process
        self.epoch_losses: list[float | None] = []
        self._repeated_losses: list[float | None] = []
        self.blocks = cut_training(case.num_epochs, ready.pilot_epoch_seconds, plan.num_rounds)
        self.unit_seconds: dict[BlockKind, float] = dict.fromkeys(
            ("train", "plain", "phases", "device", "prefix"), ready.pilot_epoch_seconds
        )
        if explored.pilot_inference_seconds is not None:
            self.unit_seconds["inference"] = explored.pilot_inference_seconds
        self.detail = self._plan_detail(ready, explored)
        # A prefix runs a part of a step: no floor of a whole one holds for it.
        self.floor_seconds: dict[BlockKind, float] = dict.fromkeys(
            ("train", "plain", "phases", "device"), explored.floor_seconds or 0.0
        )
        self.floor_seconds["inference"] = explored.inference_floor_seconds or 0.0
        self.seconds_left = sum(block.num_epochs for block in self.blocks) * ready.pilot_epoch_seconds
        self.seconds_left += plan.num_detail_rounds * sum(
            each.amount * self.unit_seconds[each.kind] for each in self.detail
        )

    def _plan_detail(self, ready: Ready, explored: Explored) -> list[DetailBlock]:
        epochs = amount_for(DETAIL_BLOCK_SECONDS, ready.pilot_epoch_seconds)
        blocks = [
            *(DetailBlock(kind, epochs) for kind in explored.phase_kinds),
            *(DetailBlock("prefix", epochs, prefix) for prefix in explored.prefixes),
        ]
        if explored.pilot_inference_seconds is not None:
            amount = amount_for(INFERENCE_BLOCK_SECONDS, explored.pilot_inference_seconds)
            blocks.append(DetailBlock("inference", amount))
        return blocks

    def check_floor(self, kind: BlockKind, done: BlockDone) -> None:
        """Refuse steps or predictions that took less than their multiply-adds can.

        Raises:
            WorkerError: with both times.
        """
        per_step = done.seconds / done.num_steps
        floor = self.floor_seconds.get(kind, 0.0)
        if per_step < floor:
            raise WorkerError(
                "rubbish",
                f"a batch took {per_step:.3g} s, and its multiply-adds alone need {floor:.3g} s here: the "
                "work was not done, or the timer did not wait for it",
            )

    def take_losses(self, block: TrainBlock, losses: Sequence[float | None]) -> None:
        """Keep the losses of the first training, and hold every repetition against them.

        Raises:
            WorkerError: when a repetition ended elsewhere: it did not start from the start, or did other work.
        """
        if block.repetition == 0:
            self.epoch_losses += losses
            return
        self._repeated_losses = [*([] if block.starts_training else self._repeated_losses), *losses]
        if block.ends_training and not _is_close(self._repeated_losses[-1], self.epoch_losses[-1]):
            raise WorkerError(
                "rubbish",
                f"training number {block.repetition + 1} ended at a loss of {self._repeated_losses[-1]}, the first at "
                f"{self.epoch_losses[-1]}: its start was not restored, it did other work, or it drew at random without "
                "its seed",
            )


def _is_close(loss: float | None, expected: float | None) -> bool:
    if loss is None or expected is None:
        return loss is expected
    return abs(loss - expected) <= LARGEST_DRIFT * abs(expected)
