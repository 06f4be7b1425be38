"""What a person asked to keep of a training while it runs: checkpoints, the recipe, every epoch's loss."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from productnet.commands.output import naming_output
from productnet.config import TrainConfig
from productnet.keeper import CheckpointKeeper
from productnet.recipe import format_recipe
from productnet.whole_file import write_whole

if TYPE_CHECKING:
    from productnet.train import Training

SAVE, LOG = "--save", "--log"


class Keeping:
    """Keeps what was asked for.

    A folder of checkpoints holds one training: the first that this one writes, its recipe among them, replace those of
    an earlier one. Until then they stay.

    Args:
        save: folder for best.safetensors, last.safetensors and recipe.toml, or None; it exists.
        log: folder for losses.csv, or None; it exists.
    Raises:
        ConfigError: when one can't be written; so do the methods.
    """

    def __init__(self, config: TrainConfig, save: Path | None, log: Path | None) -> None:
        self._checkpoints: CheckpointKeeper | None = None
        self._losses_path = None if log is None else log / "losses.csv"
        self._config = config
        self._recipe_path: Path | None = None
        if save is not None:
            self._checkpoints = CheckpointKeeper(save)
        if log is not None:
            self._log("epoch,mean_loss\n", mode="w")

    @property
    def wants_epochs(self) -> bool:
        """Whether `see_epoch` has anything to do."""
        return self._checkpoints is not None or self._losses_path is not None

    def see_epoch(self, training: Training) -> None:
        """Look at the training at the end of an epoch. Synchronizes: where checkpoints are kept."""
        losses = training.epoch_losses
        self._log(f"{len(losses)},{losses[-1]!r}\n")
        if self._checkpoints is not None:
            self._checkpoints.see(training)

    def write(self) -> list[Path]:
        """Write the checkpoints as they are now, and return all files that are there."""
        paths = [] if self._losses_path is None else [self._losses_path]
        if self._checkpoints is not None:
            with naming_output(SAVE, self._checkpoints.folder):
                paths += self._checkpoints.write()
                if self._recipe_path is None and self._checkpoints.last is not None:
                    path = self._checkpoints.folder / "recipe.toml"
                    write_whole(path, format_recipe(self._config).encode())
                    self._recipe_path = path
                paths += [] if self._recipe_path is None else [self._recipe_path]
        return paths

    def _log(self, line: str, mode: str = "a") -> None:
        if self._losses_path is None:
            return
        # Opened anew for each line: it can be read while it grows, and a training that is stopped has nothing to close.
        with (
            naming_output(LOG, self._losses_path),
            self._losses_path.open(mode, encoding="utf-8", newline="\n") as file,
        ):
            file.write(line)
