"""What a gate asks of git: where a branch began, what changed since, and what to fetch where that is not here."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.measure.checkout import find_merge_base, find_top, is_unchanged_since
from tests.bench.gated import git


def commit(directory: Path, text: str) -> str:
    (directory / "code").mkdir(exist_ok=True)
    (directory / "code" / "file.py").write_text(text)
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", text)
    return git(directory, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """Two commits on main, then two on work and one more on main."""
    directory = tmp_path / "origin"
    directory.mkdir()
    git(directory, "init", "--quiet", "--initial-branch=main")
    commit(directory, "1")
    fork = commit(directory, "2")
    git(directory, "tag", "fork", fork)
    git(directory, "switch", "--quiet", "--create", "work")
    commit(directory, "3")
    commit(directory, "4")
    git(directory, "switch", "--quiet", "main")
    commit(directory, "on main")
    return directory


def clone(origin: Path, *words: str) -> Path:
    directory = origin.parent / "clone"
    git(origin.parent, "clone", "--quiet", "--branch", "work", *words, origin.as_uri(), str(directory))
    return directory


def test_it_is_the_last_commit_in_common_from_wherever_in_the_tree(
    origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = clone(origin)
    monkeypatch.chdir(directory / "code")
    assert find_merge_base("origin/main") == git(origin, "rev-parse", "fork")
    assert find_merge_base("HEAD~1") == git(directory, "rev-parse", "HEAD~1")
    assert find_top() == directory


@pytest.mark.parametrize("words", [("--depth", "1"), ("--depth", "1", "--no-single-branch"), ("--single-branch",)])
def test_what_it_says_to_fetch_is_what_is_missing(
    origin: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    directory = clone(origin, *words)
    monkeypatch.chdir(directory)
    with pytest.raises(UsageError) as caught:
        find_merge_base("origin/main")
    found = re.search(r"git fetch .*$", str(caught.value))
    assert found is not None, caught.value
    assert ("--unshallow" in found[0]) == ("--depth" in words)
    subprocess.run(shlex.split(found[0]), check=True, capture_output=True)
    assert find_merge_base("origin/main") == git(origin, "rev-parse", "fork")


def test_a_shallow_clone_that_has_the_commit_is_enough(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone(origin, "--depth", "3", "--no-single-branch"))
    assert find_merge_base("origin/main") == git(origin, "rev-parse", "fork")


def test_a_name_that_is_of_no_remote_is_not_fetched(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone(origin))
    with pytest.raises(UsageError, match="base feature/x is unknown here: name a branch or commit that git log shows"):
        find_merge_base("feature/x")


def test_a_name_can_not_become_another_command(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone(origin))
    with pytest.raises(UsageError, match=re.escape("origin '+refs/heads/x; rm -r ~:refs/remotes/origin/x; rm -r ~'")):
        find_merge_base("origin/x; rm -r ~")


def test_histories_with_nothing_in_common_are_refused(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(origin, "switch", "--quiet", "--orphan", "stranger")
    commit(origin, "another beginning")
    monkeypatch.chdir(origin)
    with pytest.raises(UsageError, match="base main and HEAD have no commit in common: name what the work tree"):
        find_merge_base("main")


def test_only_what_changed_in_the_place_counts_whether_committed_or_not(
    origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(origin)
    fork = git(origin, "rev-parse", "fork")
    assert is_unchanged_since("main", "code")
    assert not is_unchanged_since(fork, "code")
    (origin / "elsewhere").write_text("text")
    assert is_unchanged_since("main", "code")
    (origin / "code" / "new.py").write_text("text")
    assert not is_unchanged_since("main", "code")
    (origin / "code" / "new.py").unlink()
    (origin / ".gitignore").write_text("*.pyc")
    (origin / "code" / "file.pyc").write_text("text")
    assert is_unchanged_since("main", "code")
    (origin / "code" / "file.py").write_text("changed")
    assert not is_unchanged_since("main", "code")


def test_outside_of_a_work_tree_there_is_no_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match="lies in no work tree of git"):
        find_top()
