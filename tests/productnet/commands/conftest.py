"""`python -m productnet` in this process, where torch is imported once, and a checkpoint to work on."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from productnet.__main__ import main
from productnet.checkpoint import save_checkpoint, take_checkpoint
from productnet.config import TrainConfig
from productnet.door import run_door
from productnet.errors import ProductNetError
from productnet.train import Training
from tests.productnet.commands.outcome import Command, Outcome

DOORS_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.fixture(name="command")
def _command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Command]:
    before = {number: signal.getsignal(number) for number in DOORS_SIGNALS}

    def command(*words: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["productnet", *words])
        with pytest.raises(SystemExit) as caught:
            run_door("python -m productnet", main, (ProductNetError,))
        return Outcome(caught.value.code, *capfd.readouterr())

    yield command
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(name="faulty_card")
def _faulty_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that torch lists and that fails at its first work."""
    real_full = torch.full

    def fail_on_cuda(size: tuple[int, ...], value: float, device: object = "cpu") -> torch.Tensor:
        if str(device).startswith("cuda"):
            raise RuntimeError("no kernel image is available\nand more")
        return real_full(size, value, device=torch.device(str(device)))

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch, "full", fail_on_cuda)


@pytest.fixture(name="trained", scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a short training."""
    path = tmp_path_factory.mktemp("trained") / "best.safetensors"
    training = Training(TrainConfig(device="cpu", num_samples=200, num_epochs=30))
    training.train(30)
    save_checkpoint(path, take_checkpoint(training))
    return path
