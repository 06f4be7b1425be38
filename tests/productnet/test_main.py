from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import productnet

ROOT = Path(productnet.__file__).parents[1]


def _run_without_torch(
    folder: Path, *words: str, torch: str = "raise ImportError('torch was imported')"
) -> subprocess.CompletedProcess[str]:
    (folder / "torch.py").write_text(torch, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "productnet", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("train", "--epochs", "0"),
        ("train", "--config", "missing.toml"),
        ("evaluate",),
        ("predict",),
        ("predict", "3", "--checkpoint", "file"),
        ("predict", "3", "four", "--checkpoint", "file"),
        ("import", "simpleNN.pth"),
        ("import", "simpleNN.pth", "file", "--seed", "-1"),
    ],
)
def test_a_usage_error_of_the_module_is_one_line_and_needs_no_torch(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = _run_without_torch(tmp_path, *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "imported" not in done.stderr


@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "import"])
def test_help_needs_no_torch(tmp_path: Path, command: str) -> None:
    done = _run_without_torch(tmp_path, command, "--help")
    assert done.returncode == 0
    assert f"python -m productnet {command}" in done.stdout
    assert done.stderr == ""
    assert command in _run_without_torch(tmp_path, "--help").stdout


_STUBBORN_TORCH = """
import signal, sys
try:
    signal.raise_signal(signal.SIGINT)
except BaseException as error:
    raise ImportError("numpy can't be imported") from error
"""
"""An import that turns an interrupt into something else, as real ones have done."""


@pytest.mark.parametrize(
    "words",
    [
        ("train",),
        ("evaluate", "trained.safetensors"),
        ("predict", "3", "4", "--checkpoint", "trained.safetensors"),
        ("import", "simpleNN.pth", "trained.safetensors"),
    ],
)
def test_an_interrupt_while_torch_is_imported_is_one_line_and_130(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = _run_without_torch(tmp_path, *words, torch=_STUBBORN_TORCH)
    assert done.returncode == 130
    assert done.stdout == ""
    assert done.stderr == f"python -m productnet {words[0]}: interrupted\n"
