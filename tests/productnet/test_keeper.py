from __future__ import annotations

from pathlib import Path

import pytest
import torch

from productnet.checkpoint import load_checkpoint
from productnet.config import TrainConfig
from productnet.keeper import CheckpointKeeper
from productnet.train import Training, run_epochs

# A learning rate at which some epochs are worse than the one before.
RESTLESS = TrainConfig(device="cpu", num_samples=50, batch_size=20, num_epochs=30, learning_rate=0.1)


def _parameters(training: Training) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in training.model.named_parameters()}


def _is_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_the_best_is_of_the_epoch_with_the_lowest_mean_loss_and_the_last_of_the_last(tmp_path: Path) -> None:
    training, keeper = Training(RESTLESS), CheckpointKeeper(tmp_path)
    states = []

    def see(training: Training) -> None:
        states.append(_parameters(training))
        keeper.see(training)

    run_epochs(training, on_epoch=see)
    losses = training.epoch_losses
    lowest = losses.index(min(losses))
    assert 0 < lowest < len(losses) - 1
    assert keeper.write() == [tmp_path / "best.safetensors", tmp_path / "last.safetensors"]
    best, last = (load_checkpoint(path) for path in keeper.write())
    assert (best.num_epochs, best.epoch_loss) == (lowest + 1, losses[lowest])
    assert (last.num_epochs, last.epoch_loss) == (30, losses[-1])
    assert _is_same(dict(best.parameters), states[lowest])
    assert _is_same(dict(last.parameters), states[-1])
    assert not _is_same(dict(best.parameters), states[-1])


def test_of_two_equal_epochs_the_earlier_one_is_the_best(tmp_path: Path) -> None:
    training, keeper = Training(RESTLESS), CheckpointKeeper(tmp_path)
    training.train(1)
    keeper.see(training)
    training.epoch_losses.append(training.epoch_losses[-1])
    keeper.see(training)
    assert keeper.best is not None
    assert keeper.last is not None
    assert (keeper.best.num_epochs, keeper.last.num_epochs) == (1, 2)


def test_an_epoch_that_has_diverged_replaces_nothing(tmp_path: Path) -> None:
    training, keeper = Training(RESTLESS), CheckpointKeeper(tmp_path)
    training.train(1)
    keeper.see(training)
    # The last step may break weights whose loss was finite; the next loss is then broken too.
    with torch.no_grad():
        next(training.model.parameters()).fill_(torch.nan)
    training.epoch_losses.append(0.1)
    keeper.see(training)
    training.train(1)
    keeper.see(training)
    assert keeper.best is keeper.last
    assert [load_checkpoint(path).num_epochs for path in keeper.write()] == [1, 1]


def test_nothing_is_written_before_an_epoch_and_only_what_has_changed_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, keeper = Training(RESTLESS), CheckpointKeeper(tmp_path)
    assert keeper.write() == []
    training.train(1)
    keeper.see(training)
    keeper.write()
    training.epoch_losses.append(1e9)
    keeper.see(training)
    written: list[Path] = []
    monkeypatch.setattr("productnet.keeper.save_checkpoint", lambda path, _checkpoint: written.append(path))
    keeper.write()
    keeper.write()
    assert written == [tmp_path / "last.safetensors"]


def test_keeping_checkpoints_changes_no_loss(tmp_path: Path) -> None:
    kept, plain = Training(RESTLESS), Training(RESTLESS)
    run_epochs(kept, on_epoch=CheckpointKeeper(tmp_path).see)
    run_epochs(plain)
    assert kept.epoch_losses == plain.epoch_losses
    assert kept.result() == plain.result()
