from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import productnet

ROOT = Path(productnet.__file__).parents[1]


def _run_without_torch(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "torch.py").write_text("raise ImportError('torch was imported')", encoding="utf-8")
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
