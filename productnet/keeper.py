"""The best and the last state of a training in progress, in memory and in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from productnet.checkpoint import Checkpoint, can_predict, save_checkpoint, take_checkpoint

if TYPE_CHECKING:
    from productnet.train import Training


class CheckpointKeeper:
    """Keeps two checkpoints of a training: of the epoch with the lowest mean loss so far, and of the last one.

    An epoch that has diverged is not kept: what can't predict must not replace what can.

    Args:
        folder: where `write` puts them; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.best: Checkpoint | None = None
        self.last: Checkpoint | None = None
        self._written: dict[str, Checkpoint | None] = {}

    def see(self, training: Training) -> None:
        """Look at a training at the end of an epoch. Synchronizes: yes."""
        checkpoint = take_checkpoint(training)
        if not can_predict(checkpoint):
            return
        # Whole copies, each taken over by one assignment: an interrupt in the next epoch's steps can't tear them.
        self.last = checkpoint
        if self.best is None or training.epoch_losses[-1] < (self.best.epoch_loss or 0.0):
            self.best = checkpoint

    def write(self) -> list[Path]:
        """Write what has changed since it was last written, and return the files that there are now.

        Raises:
            OSError: when one can't be written; the files of before are still there.
        """
        paths = []
        for name, checkpoint in (("best", self.best), ("last", self.last)):
            if checkpoint is None:
                continue
            path = self.folder / f"{name}.safetensors"
            if self._written.get(name) is not checkpoint:
                save_checkpoint(path, checkpoint)
                self._written[name] = checkpoint
            paths.append(path)
        return paths
