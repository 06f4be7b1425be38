from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

import productnet
from productnet.checkpoint import load_checkpoint, save_checkpoint
from productnet.commands import keeping, training
from productnet.config import TrainConfig, make_config
from productnet.recipe import read_recipe
from productnet.train import Training, fit
from tests.productnet.commands.outcome import Command, Outcome, check_refused, parse_strictly

ROOT = Path(productnet.__file__).parents[1]
QUICK = ("--device", "cpu", "--epochs", "25", "--samples", "200")
RECIPE = TrainConfig(device="cpu", num_epochs=25, num_samples=200)


@pytest.fixture(name="train")
def _train(command: Command) -> Command:
    return partial(command, "train", *QUICK)


def _losses(folder: Path) -> list[float]:
    header, *lines = (folder / "losses.csv").read_text(encoding="utf-8").splitlines()
    assert header == "epoch,mean_loss"
    rows = [line.split(",") for line in lines]
    assert [int(epoch) for epoch, _ in rows] == list(range(1, len(rows) + 1))
    return [float(loss) for _, loss in rows]


# A training that ends


def test_best_last_and_recipe_lie_side_by_side_and_nothing_else(train: Command, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    outcome = train("--save", str(folder))
    assert outcome.code == 0
    assert {path.name for path in folder.iterdir()} == {"best.safetensors", "last.safetensors", "recipe.toml"}
    best, last = (load_checkpoint(folder / f"{name}.safetensors") for name in ("best", "last"))
    assert (last.num_epochs, last.config) == (25, RECIPE)
    losses = fit(RECIPE).epoch_losses
    assert last.epoch_loss == losses[-1]
    assert best.epoch_loss == min(losses)
    assert outcome.out.splitlines()[-2:] == [
        f"Kept: {folder / 'best.safetensors'}, {folder / 'last.safetensors'}, {folder / 'recipe.toml'}",
        f"Try: python -m productnet predict 3 4 --checkpoint {folder / 'best.safetensors'}",
    ]


def test_the_recipe_beside_a_checkpoint_is_the_same_training_again(command: Command, tmp_path: Path) -> None:
    command("train", *QUICK, "--seed", "7", "--hidden", "5,4", "--save", str(tmp_path / "one"))
    again = command("train", "--config", str(tmp_path / "one" / "recipe.toml"), "--save", str(tmp_path / "two"))
    assert again.code == 0
    files = [(tmp_path / folder / "last.safetensors").read_bytes() for folder in ("one", "two")]
    assert files[0] == files[1]
    assert make_config(read_recipe(tmp_path / "two" / "recipe.toml")) == replace(RECIPE, seed=7, hidden_sizes=(5, 4))


def test_every_epochs_loss_is_logged_in_full(train: Command, tmp_path: Path) -> None:
    outcome = train("--log", str(tmp_path / "new"))
    assert tuple(_losses(tmp_path / "new")) == fit(RECIPE).epoch_losses
    assert outcome.out.splitlines()[-1] == f"Kept: {tmp_path / 'new' / 'losses.csv'}"


def test_a_log_holds_the_losses_of_one_training(train: Command, tmp_path: Path) -> None:
    train("--seed", "2", "--log", str(tmp_path))
    train("--log", str(tmp_path))
    assert tuple(_losses(tmp_path)) == fit(RECIPE).epoch_losses


def test_keeping_changes_no_result_and_leaves_standard_output_to_json(train: Command, tmp_path: Path) -> None:
    kept = parse_strictly(train("--save", str(tmp_path), "--log", str(tmp_path), "--json", "-").out)
    plain = parse_strictly(train("--json", "-").out)
    different = {name for name in plain if kept[name] != plain[name]}
    assert different <= {"setup_seconds", "compile_seconds", "train_seconds"}


def test_keeping_is_in_no_stage(train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def see_epoch(_keeping: object, _training: Training) -> None:
        now[0] += 1_000

    monkeypatch.setattr(keeping.Keeping, "see_epoch", see_epoch)
    monkeypatch.setattr(training, "perf_counter", lambda: now[0])
    record = parse_strictly(train("--log", str(tmp_path), "--json", "-").out)
    assert now == [25_000.0]
    assert record["train_seconds"] == 0.0


def test_without_anything_to_keep_the_engine_trains_many_epochs_at_once(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[int] = []
    original = Training.train

    def counted(training: Training, num_epochs: int) -> list[float]:
        pieces.append(num_epochs)
        return original(training, num_epochs)

    monkeypatch.setattr(Training, "train", counted)
    train()
    assert pieces == [1, 10, 10, 5]  # the first is the preparation
    pieces.clear()
    train("--save", str(tmp_path))
    assert pieces == [1] * 26


def test_a_folder_holds_the_checkpoints_of_one_training(command: Command, train: Command, tmp_path: Path) -> None:
    train("--save", str(tmp_path))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    diverging = ("--device", "cpu", "--lr", "1e30", "--epochs", "3", "--save", str(tmp_path))
    assert command("train", *diverging).code == 5
    # No epoch of it could predict: the network of before stays, and its own recipe beside it.
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    train("--save", str(tmp_path), "--seed", "2")
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert after.keys() == before.keys()
    assert all(after[name] != content for name, content in before.items())


# A training that is stopped


def _stop_after(monkeypatch: pytest.MonkeyPatch, num_whole: int) -> None:
    """Break the epoch after some, in the middle of its steps, when its weights are torn."""
    original = Training.train

    def train(training: Training, num_epochs: int) -> list[float]:
        if len(training.epoch_losses) == num_whole:
            with torch.no_grad():
                next(training.model.parameters()).fill_(7.0)
            raise KeyboardInterrupt
        return original(training, num_epochs)

    monkeypatch.setattr(Training, "train", train)


def test_an_interrupt_keeps_the_last_whole_epoch_and_says_so(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stop_after(monkeypatch, 17)
    outcome = train("--save", str(tmp_path), "--log", str(tmp_path))
    monkeypatch.undo()
    names = [str(tmp_path / name) for name in ("losses.csv", "best.safetensors", "last.safetensors", "recipe.toml")]
    assert outcome.code == 130
    assert outcome.err.splitlines() == [f"python -m productnet: interrupted in epoch 18 of 25; kept {', '.join(names)}"]
    last = load_checkpoint(tmp_path / "last.safetensors")
    straight = Training(RECIPE)
    assert _losses(tmp_path) == straight.train(17)
    assert last.num_epochs == 17
    assert all(torch.equal(last.parameters[name], ours) for name, ours in straight.model.named_parameters())


def test_an_interrupt_where_nothing_is_kept_is_plain(train: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    _stop_after(monkeypatch, 10)
    outcome = train()
    assert outcome.code == 130
    assert outcome.err.splitlines() == ["python -m productnet: interrupted"]


def test_an_interrupt_before_the_first_epoch_says_that_there_is_nothing(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Training, "prepare", lambda _training: None)
    _stop_after(monkeypatch, 0)
    outcome = train("--save", str(tmp_path))
    assert outcome.code == 130
    assert outcome.err.splitlines() == ["python -m productnet: interrupted in epoch 1 of 25; nothing to keep yet"]


def test_an_interrupt_with_a_full_disk_is_an_interrupt_that_says_so(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stop_after(monkeypatch, 5)
    _fill_the_disk(monkeypatch)
    outcome = train("--save", str(tmp_path))
    assert outcome.code == 130
    assert len(outcome.err.splitlines()) == 1
    assert "interrupted in epoch 6 of 25; --save" in outcome.err
    assert "No space left" in outcome.err


def _start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "productnet", "train", "--device", "cpu", "--epochs", "1000000", *words],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _wait_for_epochs(process: subprocess.Popen[str], folder: Path, num_epochs: int) -> None:
    """Wait until that many are logged; fails when the process ends before."""
    path = folder / "losses.csv"
    for _ in range(6_000):
        if path.exists() and path.read_text(encoding="utf-8").count("\n") > num_epochs:
            return
        assert process.poll() is None
        time.sleep(0.01)
    pytest.fail("no epochs within a minute")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_command_keeps_what_there_is(tmp_path: Path, number: signal.Signals) -> None:
    with _start("--save", str(tmp_path), "--log", str(tmp_path)) as process:
        _wait_for_epochs(process, tmp_path, 25)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert len(err.splitlines()) == 1
    assert str(tmp_path / "last.safetensors") in err
    last, losses = load_checkpoint(tmp_path / "last.safetensors"), _losses(tmp_path)
    assert last.num_epochs is not None
    # The signal may come between an epoch's line and its copy.
    assert len(losses) - 1 <= last.num_epochs <= len(losses)
    assert last.epoch_loss == losses[last.num_epochs - 1]
    assert not list(tmp_path.glob("*.partial")) + list(tmp_path.glob(".*.partial"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_a_killed_training_leaves_whole_files(tmp_path: Path) -> None:
    with _start("--save", str(tmp_path), "--log", str(tmp_path)) as process:
        _wait_for_epochs(process, tmp_path, 25)
        process.kill()
        process.communicate(timeout=60)
    last, losses = load_checkpoint(tmp_path / "last.safetensors"), _losses(tmp_path)
    assert last.num_epochs is not None
    assert last.num_epochs % 10 == 0  # written every ten epochs
    assert last.epoch_loss == losses[last.num_epochs - 1]
    assert load_checkpoint(tmp_path / "best.safetensors").epoch_loss == min(losses[: last.num_epochs])


# Two trainings and one folder


@pytest.mark.skipif(os.name == "nt", reason="Windows locks no folders")
def test_a_second_training_into_a_folder_is_refused_until_the_first_is_gone(command: Command, tmp_path: Path) -> None:
    with _start("--save", str(tmp_path), "--log", str(tmp_path)) as process:
        _wait_for_epochs(process, tmp_path, 25)
        refused = [command("train", *QUICK, flag, str(tmp_path)) for flag in ("--save", "--log")]
        beside = command("train", *QUICK, "--save", str(tmp_path / "below"))
        process.kill()
    assert beside.code == 0
    for flag, outcome in zip(("--save", "--log"), refused, strict=True):
        assert outcome.code == 2
        assert outcome.err == (
            f"python -m productnet: {flag} {tmp_path} is written by another training right now: wait for its end, "
            "or name another folder\n"
        )
    assert command("train", *QUICK, "--save", str(tmp_path), "--log", str(tmp_path)).code == 0
    assert load_checkpoint(tmp_path / "last.safetensors").config == RECIPE
    assert tuple(_losses(tmp_path)) == fit(RECIPE).epoch_losses


@pytest.mark.skipif(os.name == "nt", reason="Windows locks no folders")
def test_a_file_system_without_locks_is_written_all_the_same(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", fail)
    assert train("--save", str(tmp_path)).code == 0
    assert (tmp_path / "last.safetensors").exists()


# Folders that can't be written


@pytest.mark.parametrize("flag", ["--save", "--log"])
@pytest.mark.parametrize("name", ["file", "file/below", "a" * 300])
def test_a_folder_that_can_not_be_made_is_refused_before_any_training(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str, name: str
) -> None:
    monkeypatch.setattr(training, "_train", lambda *_arguments: pytest.fail("it trained"))
    (tmp_path / "file").touch()
    check_refused(train(flag, str(tmp_path / name)), 2, flag, "can't be written", "name a folder")


@pytest.mark.parametrize("flag", ["--save", "--log"])
def test_a_folder_that_may_not_be_written_is_refused_before_any_training(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    monkeypatch.setattr(training, "_train", lambda *_arguments: pytest.fail("it trained"))
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)
    check_refused(train(flag, str(tmp_path / "new")), 2, flag, "can't be written")


@pytest.mark.parametrize("flag", ["--save", "--log"])
def test_a_device_that_is_not_there_leaves_no_folder(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    check_refused(command("train", "--device", "cuda", flag, str(tmp_path / "new")), 3, "cuda")
    assert list(tmp_path.iterdir()) == []


def _fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, _content: bytes) -> int:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", fail)


def _check_full(outcome: Outcome, flag: str, path: Path) -> None:
    assert outcome.code == 2
    assert outcome.err.splitlines() == [
        f"python -m productnet: {flag} {path} can't be written: No space left on device; name another place"
    ]


def test_a_disk_that_is_full_ends_the_training_in_one_line_and_keeps_the_checkpoints_of_before(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def save_two(path: Path, checkpoint: Any) -> None:
        if len(written) == 2:
            _fill_the_disk(monkeypatch)
        written.append(path)
        save_checkpoint(path, checkpoint)

    monkeypatch.setattr("productnet.keeper.save_checkpoint", save_two)
    _check_full(train("--save", str(tmp_path)), "--save", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"best.safetensors", "last.safetensors", "recipe.toml"}
    assert load_checkpoint(tmp_path / "last.safetensors").num_epochs == 10


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
def test_a_log_on_a_full_disk_ends_the_training_in_one_line(train: Command, tmp_path: Path) -> None:
    (tmp_path / "losses.csv").symlink_to("/dev/full")
    _check_full(train("--log", str(tmp_path)), "--log", tmp_path / "losses.csv")
