"""A repository of a user's own, and a workload whose time is what its tree's productnet says: no torch, no waiting.

The tree has a copy of productnet with numbers of its own in it. Every worker imports torch; here it finds a module of
that name that holds nothing.
"""

from __future__ import annotations

import importlib
import os
import random
import shutil
import subprocess
from pathlib import Path

import msgspec

from bench.measure.session import Session
from bench.records.case import Case
from bench.workloads import Judgement
from tests.bench.measure.fakes import ACCURACY, FakeWorkload, ScriptedClock

ROOT = Path(__file__).parents[2]
WORKLOAD = "tests.bench.gated:GatedWorkload"
SCATTER = 0.003
"""Of a process, as a standard deviation of the logarithm of its time."""


class Burden(msgspec.Struct, frozen=True, kw_only=True):
    """What a tree's productnet costs, and how well it learns."""

    factor: float = 1.0
    mse: float = 0.0002
    raises: str | None = None


CLOCK = ScriptedClock()


class GatedWorkload(FakeWorkload):
    """Takes the time that its tree says, times the luck of its process."""

    def __init__(self, case: Case, seed: int) -> None:
        factor = self.read_burden().factor if case.engine == "eager" else 1.0
        luck = random.SystemRandom().gauss(0.0, SCATTER)
        super().__init__(lambda seconds: CLOCK.pass_time(seconds * factor * (1 + luck)))
        self.seed = seed

    @staticmethod
    def read_burden() -> Burden:
        module = importlib.import_module("productnet.burden")
        return msgspec.convert(module.BURDEN, Burden)

    def train(self, num_epochs: int) -> list[float]:
        reason = self.read_burden().raises
        if reason is not None:
            raise RuntimeError(reason)
        super().train(num_epochs)
        return [self.read_burden().mse * self.seed] * num_epochs

    def judge(self) -> Judgement:
        accuracy = {**ACCURACY, "mse": self.read_burden().mse * self.seed}
        return Judgement("0" * 64, accuracy, accuracy)


def keep_scripted_time() -> None:
    """Have this worker's session read the scripted clock."""
    Session.__init__.__defaults__ = (CLOCK,)


if "BENCH_PADDING" in os.environ:  # in an interpreter of a race
    keep_scripted_time()


def git(directory: Path, *words: str) -> str:
    """Run git in a directory and return what it says."""
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "protocol.file.allow=always")
    return subprocess.run(
        ("git", *identity, *words), cwd=directory, capture_output=True, text=True, check=True
    ).stdout.strip()


def make_repository(directory: Path) -> Path:
    """Make a repository whose only commit, on main, has a productnet that costs nothing extra."""
    directory.mkdir()
    git(directory, "init", "--quiet", "--initial-branch=main")
    shutil.copytree(ROOT / "productnet", directory / "productnet", ignore=shutil.ignore_patterns("__pycache__"))
    (directory / ".gitignore").write_text("__pycache__/\n")
    write_budgets(directory, "eager")
    commit(directory, Burden())
    return directory


def make_empty_torch(directory: Path) -> Path:
    """Make a directory to import from, whose torch holds nothing."""
    (directory / "torch" / "_dynamo").mkdir(parents=True)
    (directory / "torch" / "__init__.py").write_text('__version__ = "none"\n')
    (directory / "torch" / "_dynamo" / "__init__.py").write_text("")
    return directory


def write_burden(directory: Path, burden: Burden) -> None:
    """Let the work tree's productnet cost so much."""
    (directory / "productnet" / "burden.py").write_text(f"BURDEN = {msgspec.to_builtins(burden)!r}\n")


def commit(directory: Path, burden: Burden) -> str:
    """Commit such a productnet and return the commit's name."""
    write_burden(directory, burden)
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--allow-empty", "--message", "a change")
    return git(directory, "rev-parse", "HEAD")


def write_budgets(directory: Path, *engines: str, allowed: str = "5%") -> None:
    """Write the cases that may not become slower."""
    cases = (
        f'[[case]]\nengine = "{engine}"\nbatching = "manual"\ndevice = "cpu"\nallowed = "{allowed}"\nbudget = "40s"\n'
        'resolution = "2%"\n'
        for engine in engines
    )
    (directory / "budgets.toml").write_text("\n".join(cases))
