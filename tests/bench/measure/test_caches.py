"""A run's place for compiled code comes and goes with it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bench.measure.caches import open_caches
from tests.systems import linux_only


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's place for temporary files, for this test alone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def find_dead_process() -> int:
    process = subprocess.Popen((sys.executable, "-c", ""))
    process.wait()
    return process.pid


def test_caches_are_empty_and_removed_with_all_that_they_hold(temporary: Path) -> None:
    with open_caches() as caches:
        assert list(temporary.iterdir()) == [caches]
        assert not list(caches.iterdir())
        (caches / "0").mkdir()
        (caches / "0" / "compiled").touch()
    assert not list(temporary.iterdir())


def test_caches_of_a_run_that_was_killed_are_removed_by_the_next_and_no_others(temporary: Path) -> None:
    with open_caches() as ours:
        machine, number, _ = ours.name.rsplit("-", 2)
        assert number == str(os.getpid())
    dead = find_dead_process()
    names = (f"{machine}-{dead}-abc", f"{machine}-{os.getppid()}-abc", f"bench-compiled-0-{dead}-abc", f"{machine}-x-a")
    for name in (*names, f"{machine}-{'9' * 30}-abc"):
        (temporary / name / "0").mkdir(parents=True)
    with open_caches() as ours:
        assert {path.name for path in temporary.iterdir()} == {ours.name, *names[1:], f"{machine}-{'9' * 30}-abc"}


@linux_only
def test_a_run_leaves_nothing_among_the_temporary_files_where_nothing_is_compiled(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from tests.bench.measure.test_isolation import make_plan, run\n"
        f"run(make_plan('good'), Path({str(tmp_path)!r}))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TORCHINDUCTOR_CACHE_DIR"}
    # Its own, not the test's: a socket will lie there, and its path has at most 107 bytes.
    with tempfile.TemporaryDirectory() as temporary:
        subprocess.run((sys.executable, "-c", program), env={**environment, "TMPDIR": temporary}, check=True)
        assert not list(Path(temporary).iterdir())
