"""Another revision's source tree, taken out of git without touching the work tree, its index or its list of trees."""

from __future__ import annotations

import io
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


def _hint_at_depth() -> str:
    try:
        is_shallow = _ask_git("rev-parse", "--is-shallow-repository").strip() == b"true"
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
