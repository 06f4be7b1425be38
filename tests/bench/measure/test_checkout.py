"""Another revision's tree, out of a repository that is made for the test."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.measure import checkout
from bench.measure.checkout import check_out, find_commit


def git(directory: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    command = ("git", "-C", str(directory), *identity, *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(directory: Path, **files: str) -> str:
    for name, text in files.items():
        (directory / name).write_text(text)
    git(directory, "add", ".")
    git(directory, "commit", "-m", "more")
    return git(directory, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two commits and a change that is in neither; the user stands at its top."""
    directory = tmp_path / "repository"
    (directory / "inside").mkdir(parents=True)
    git(directory, "init")
    (directory / "inside" / "module").write_text("1")
    commit(directory, file="first")
    commit(directory, file="second")
    (directory / "file").write_text("at hand")
    (directory / "untracked").write_text("mine")
    monkeypatch.chdir(directory)
    return directory


def snapshot(directory: Path) -> dict[str, bytes]:
    """Return every file of a work tree and of its repository."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_revision_is_taken_out_apart_and_work_tree_and_repository_stay_untouched(
    repository: Path, tmp_path: Path
) -> None:
    before = snapshot(repository)
    found = find_commit("HEAD~1")
    assert found == git(repository, "rev-parse", "HEAD~1")
    (tmp_path / "tree").mkdir()
    check_out(found, tmp_path / "tree")
    assert (tmp_path / "tree" / "file").read_text() == "first"
    assert (tmp_path / "tree" / "inside" / "module").read_text() == "1"
    assert not (tmp_path / "tree" / "untracked").exists()
    assert snapshot(repository) == before
    assert git(repository, "worktree", "list").count("\n") == 0


def test_who_stands_in_a_subdirectory_gets_the_whole_tree(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "inside")
    (tmp_path / "tree").mkdir()
    check_out(find_commit("HEAD"), tmp_path / "tree")
    assert (tmp_path / "tree" / "file").read_text() == "second"


def test_a_tag_and_a_short_commit_are_found_as_their_commit(repository: Path) -> None:
    git(repository, "tag", "-a", "v1", "-m", "a tag is an object of its own", "HEAD~1")
    first = git(repository, "rev-parse", "HEAD~1")
    assert find_commit("v1") == first
    assert find_commit(first[:10]) == first


@pytest.mark.parametrize("revision", ["nowhere", "HEAD~9", "--help", "-h", "", "HEAD:file", "a b"])
def test_an_unknown_revision_is_a_usage_error_that_names_it(repository: Path, revision: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_commit(revision)
    assert str(caught.value) == f"revision {revision} is unknown here"


def test_outside_of_a_repository_that_is_what_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match=r"revision HEAD is unknown here: is this a git repository\?"):
        find_commit("HEAD")


def test_in_a_shallow_clone_the_remedy_is_said(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(
        ("git", "clone", "--depth", "1", repository.as_uri(), str(tmp_path / "shallow")),
        check=True,
        capture_output=True,
    )
    monkeypatch.chdir(tmp_path / "shallow")
    assert find_commit("HEAD") == git(repository, "rev-parse", "HEAD")
    with pytest.raises(UsageError, match=r"HEAD~1 is unknown here; this clone is shallow: git fetch --unshallow"):
        find_commit("HEAD~1")


def test_without_git_that_is_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="needs git, and there is none"):
        find_commit("HEAD")


def test_a_git_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_command: str) -> bytes:
        raise subprocess.TimeoutExpired("git", 300)

    monkeypatch.setattr(checkout, "_run", hang)
    with pytest.raises(UsageError, match="git did not answer within 300 s"):
        find_commit("HEAD")


def test_a_commit_that_git_can_not_hand_out_says_gits_own_words(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"commit 1111111.* can't be read: fatal: .*1111111"):
        check_out("1" * 40, tmp_path)
