from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from productnet.config import TrainConfig
from productnet.train import fit
from tests.productnet.commands.outcome import Command, check_refused, parse_strictly

RECIPE = TrainConfig(device="cpu", num_samples=200, num_epochs=30)


def test_the_accuracy_of_a_checkpoint_is_that_of_its_training(command: Command, trained: Path) -> None:
    record = parse_strictly(command("evaluate", str(trained), "--json", "-").out)
    result = fit(RECIPE)
    assert record["training_accuracy"] == asdict(result.training_accuracy)
    assert record["heldout_accuracy"] == asdict(result.heldout_accuracy)
    assert record["epoch_loss"] == result.final_loss
    assert record["config"]["num_samples"] == 200


def test_the_table_has_every_figure_for_samples_seen_and_unseen(command: Command, trained: Path) -> None:
    outcome = command("evaluate", str(trained))
    assert outcome.code == 0, outcome.err
    assert "200 training samples" in outcome.out
    assert "10000 unseen samples" in outcome.out
    for figure in ("mean squared error", "mean absolute error", "largest error", "mean relative error", "R squared"):
        assert figure in outcome.out
    assert outcome.out.count("share within") == 2


def test_a_file_that_is_no_checkpoint_is_one_line_and_5(command: Command, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    check_refused(command("evaluate", str(tmp_path / "note.txt")), 5, "note.txt")


def test_a_file_that_is_not_there_is_one_line_and_2(command: Command, tmp_path: Path) -> None:
    check_refused(command("evaluate", str(tmp_path / "none")), 2, "none")


def test_a_damaged_checkpoint_is_one_line_and_5(command: Command, trained: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(trained.read_bytes()[:-10])
    check_refused(command("evaluate", str(damaged)), 5, "damaged.safetensors")


@pytest.mark.parametrize("device", ["gpu", "cuda:9"])
def test_a_device_that_is_not_there_is_refused(command: Command, trained: Path, device: str) -> None:
    check_refused(command("evaluate", str(trained), "--device", device), 2 if device == "gpu" else 3, device)
