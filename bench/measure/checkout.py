"""Another revision's source tree, taken out of git without touching the work tree, its index or its list of trees."""

from __future__ import annotations

import io
import shlex
import subprocess
import tarfile
from pathlib import Path

from bench.errors import UsageError

_TIMEOUT_SECONDS = 300.0


def find_commit(revision: str) -> str:
    """Return the commit that a revision names in the repository where the user stands.

    Raises:
        UsageError: when there is none, with what to fetch where the repository is shallow.
    """
    try:
        return (
            _ask_git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
        )
    except subprocess.CalledProcessError as error:
        raise UsageError(f"revision {revision} is unknown here{_hint_at_depth()}") from error


def find_merge_base(base: str) -> str:
    """Return the last commit that a base and HEAD have in common.

    Raises:
        UsageError: when there is none here, with what to fetch.
    """
    ours = find_commit("HEAD")
    try:
        theirs = find_commit(base)
    except UsageError as error:
        raise UsageError(f"base {base} is unknown here: {_how_to_fetch(base)}") from error
    try:
        return _ask_git("merge-base", theirs, ours).decode().split()[0]
    except subprocess.CalledProcessError as error:
        shown = f"base {base} and HEAD have no commit in common"
        if _is_shallow():
            raise UsageError(f"{shown} in this shallow clone: {_how_to_fetch(base)}") from error
        raise UsageError(f"{shown}: name what the work tree has come from") from error


def find_top() -> Path:
    """Return the top of the work tree where the user stands.

    Raises:
        UsageError: where there is none.
    """
    try:
        return Path(_ask_git("rev-parse", "--show-toplevel").decode().rstrip("\n"))
    except subprocess.CalledProcessError as error:
        raise UsageError(f"{Path.cwd()} lies in no work tree of git") from error


def is_unchanged_since(commit: str, place: str) -> bool:
    """Say whether what lies at a place of the work tree is what it was in a commit, what git ignores left out."""
    changed = _ask_git("diff", "--name-only", commit, "--", place)
    return not changed and not _ask_git("ls-files", "--others", "--exclude-standard", "--", place)


def check_out(commit: str, directory: Path) -> None:
    """Write the tree of a commit into an empty directory.

    Raises:
        UsageError: when git can't hand it out.
    """
    try:
        archive = _ask_git("archive", "--format=tar", commit)
    except subprocess.CalledProcessError as error:
        raise UsageError(f"commit {commit} can't be read: {error.stderr.decode(errors='replace').strip()}") from error
    with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
        tree.extractall(directory, filter="data")


def _is_shallow() -> bool:
    return _ask_git("rev-parse", "--is-shallow-repository").strip() == b"true"


def _how_to_fetch(base: str) -> str:
    """Give the command that brings a remote's branch with all of its history, also where a clone knows of one alone."""
    remote, _, branch = base.partition("/")
    words = ["git", "fetch", *(["--unshallow"] if _is_shallow() else [])]
    if branch and remote in _ask_git("remote").decode().split():
        return shlex.join([*words, remote, f"+refs/heads/{branch}:refs/remotes/{base}"])
    return shlex.join(words) if _is_shallow() else "name a branch or commit that git log shows"


def _hint_at_depth() -> str:
    try:
        is_shallow = _is_shallow()
    except (subprocess.CalledProcessError, UsageError):
        return ": is this a git repository?"
    return "; this clone is shallow: git fetch --unshallow, or name what git log shows" if is_shallow else ""


def _ask_git(*words: str) -> bytes:
    try:
        # From the top, wherever in the repository the user stands: an archive holds what lies below.
        top = _run("git", "rev-parse", "--show-toplevel").decode().rstrip("\n")
        return _run("git", "-C", top, *words)
    except FileNotFoundError as error:
        raise UsageError("racing a revision needs git, and there is none") from error
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"git did not answer within {_TIMEOUT_SECONDS:.0f} s") from error


def _run(*command: str) -> bytes:
    return subprocess.run(command, capture_output=True, check=True, timeout=_TIMEOUT_SECONDS).stdout  # noqa: S603 - fixed
