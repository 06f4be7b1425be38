"""What a person asked to keep of a training while it runs: checkpoints, the recipe, every epoch's loss."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from productnet.commands.output import naming_output
from productnet.config import TrainConfig
from productnet.keeper import CheckpointKeeper
from productnet.recipe import format_recipe

if TYPE_CHECKING:
    from productnet.train import Training

SAVE, LOG = "--save", "--log"


class Keeping:
    """Keeps what was asked for; a context that closes the files.

    A folder of checkpoints holds one training: what an earlier one left there would be taken for this one's, and is
    removed.

    Args:
        save: folder for best.safetensors, last.safetensors and recipe.toml, or None.
        log: folder for losses.csv, or None.
    Raises:
        ConfigError: when one can't be written; so do the methods.
    """

    def __init__(self, config: TrainConfig, save: Path | None, log: Path | None) -> None:
        self._checkpoints: CheckpointKeeper | None = None
        self._losses: TextIO | None = None
        self._losses_path = log / "losses.csv" if log else Path()
        if save is not None:
            with naming_output(SAVE, save):
                save.mkdir(parents=True, exist_ok=True)
                for name in ("best", "last"):
                    (save / f"{name}.safetensors").unlink(missing_ok=True)
                (save / "recipe.toml").write_text(format_recipe(config), encoding="utf-8")
            self._checkpoints = CheckpointKeeper(save)
        if log is not None:
            with naming_output(LOG, self._losses_path):
                log.mkdir(parents=True, exist_ok=True)
                # A line leaves for the file when it ends, so that it can be read while it grows.
                self._losses = self._losses_path.open("w", encoding="utf-8", newline="\n", buffering=1)
            self._log("epoch,mean_loss\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._losses is not None:
            with naming_output(LOG, self._losses_path):
                self._losses.close()

    @property
    def wants_epochs(self) -> bool:
        """Whether `see_epoch` has anything to do."""
        return self._checkpoints is not None or self._losses is not None

    def see_epoch(self, training: Training) -> None:
        """Look at the training at the end of an epoch. Synchronizes: where checkpoints are kept."""
        losses = training.epoch_losses
        self._log(f"{len(losses)},{losses[-1]!r}\n")
        if self._checkpoints is not None:
            self._checkpoints.see(training)

    def write(self) -> list[Path]:
        """Write the checkpoints as they are now, and return all files that are there."""
        paths = [] if self._losses is None else [self._losses_path]
        if self._checkpoints is not None:
            with naming_output(SAVE, self._checkpoints.folder):
                paths += self._checkpoints.write()
        return paths

    def _log(self, line: str) -> None:
        if self._losses is not None:
            with naming_output(LOG, self._losses_path):
                self._losses.write(line)
