"""What `train` keeps: checkpoints, the recipe, every epoch's loss; and what it reads back."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import pytest

from productnet.checkpoint import load_checkpoint
from productnet.config import TrainConfig
from productnet.train import Training, fit
from tests.productnet.commands.outcome import Command, check_refused, parse_strictly

QUICK = ("--device", "cpu", "--epochs", "12", "--samples", "200")
RECIPE = TrainConfig(device="cpu", num_epochs=12, num_samples=200)


def test_a_training_keeps_its_best_and_last_network_and_its_recipe(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "kept"
    outcome = command("train", *QUICK, "--save", str(folder))
    assert outcome.code == 0, outcome.err
    result = fit(RECIPE)
    last, best = (load_checkpoint(folder / f"{name}.safetensors") for name in ("last", "best"))
    assert (last.num_epochs, last.epoch_loss) == (12, result.final_loss)
    assert best.epoch_loss == min(result.epoch_losses)
    assert tomllib.loads((folder / "recipe.toml").read_text())["num_samples"] == 200
    assert f"predict 3 4 --checkpoint {folder / 'best.safetensors'}" in outcome.out


def test_the_recipe_kept_trains_the_same_again(command: Command, tmp_path: Path) -> None:
    command("train", *QUICK, "--engine", "eager", "--save", str(tmp_path))
    first = parse_strictly(command("train", *QUICK, "--engine", "eager", "--json", "-").out)
    again = parse_strictly(command("train", "--config", str(tmp_path / "recipe.toml"), "--json", "-").out)
    assert (again["config"], again["final_loss"]) == (first["config"], first["final_loss"])


def test_a_flag_wins_over_the_file_and_the_file_over_the_default(command: Command, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('device = "cpu"\nnum_epochs = 2\nseed = 5\nhidden_sizes = [3]\n')
    config = parse_strictly(command("train", "--config", str(recipe), "--seed", "7", "--json", "-").out)["config"]
    assert (config["num_epochs"], config["seed"], config["hidden_sizes"], config["batch_size"]) == (2, 7, [3], 100)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("num_epoch = 3\n", ("num_epoch", "is no setting", "num_epochs")),
        ("num_epochs = 'ten'\n", ("num_epochs", "'ten'", "whole number")),
        ("num_epochs = 0\n", ("num_epochs", "0 is too small")),
        ("hidden_sizes = 16\n", ("hidden_sizes", "16", "[16, 8] in a file")),
        ("device\n", ("--config", "is no TOML")),
        (None, ("--config", "can't be read", "No such file")),
    ],
)
def test_a_wrong_file_is_one_line_that_names_file_and_key(
    command: Command, tmp_path: Path, text: str | None, named: tuple[str, ...]
) -> None:
    recipe = tmp_path / "recipe.toml"
    if text is not None:
        recipe.write_text(text)
    check_refused(command("train", "--config", str(recipe)), 2, "recipe.toml", *named)


def test_the_log_has_every_epochs_loss_to_the_last_digit(command: Command, tmp_path: Path) -> None:
    assert command("train", *QUICK, "--log", str(tmp_path)).code == 0
    with (tmp_path / "losses.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [int(row["epoch"]) for row in rows] == list(range(1, 13))
    assert tuple(float(row["mean_loss"]) for row in rows) == fit(RECIPE).epoch_losses


def test_an_interrupted_training_keeps_what_it_had_and_says_so(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Training.train

    def interrupt(self: Training, num_epochs: int) -> list[float]:
        if len(self.epoch_losses) == 5:
            raise KeyboardInterrupt
        return train(self, num_epochs)

    monkeypatch.setattr(Training, "train", interrupt)
    outcome = command("train", *QUICK, "--save", str(tmp_path / "kept"), "--log", str(tmp_path / "log"))
    assert outcome.code == 130
    assert "interrupted in epoch 6 of 12; kept" in outcome.err
    assert load_checkpoint(tmp_path / "kept" / "last.safetensors").num_epochs == 5
    assert len((tmp_path / "log" / "losses.csv").read_text().splitlines()) == 1 + 5


@pytest.mark.parametrize("flag", ["--save", "--log"])
def test_a_folder_that_can_not_be_made_is_refused_before_any_training(
    command: Command, tmp_path: Path, flag: str
) -> None:
    (tmp_path / "file").touch()
    check_refused(command("train", *QUICK, flag, str(tmp_path / "file" / "kept")), 2, flag)
