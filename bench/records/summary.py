"""A summary in Markdown, put where a user or a CI job wants it."""

from __future__ import annotations

import os
from pathlib import Path

from bench.errors import IncompleteError, UsageError
from productnet.whole_file import write_whole

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable that names the file of a job's summary, to which every step of it adds."""


def check_summary(path: Path | None) -> None:
    """Refuse before any work what could not be written after it."""
    if path is None:
        return
    try:
        can_be_written = not path.is_dir() and os.access(path.absolute().parent, os.W_OK)
    except OSError:  # a name that is too long
        can_be_written = False
    if not can_be_written:
        raise UsageError(f"--summary {path} can't be written: name a file in a directory that is there")


def leave_summary(text: str, path: Path | None) -> None:
    """Write it to the file that was named, if one was, and add it to the job's summary, if there is a job."""
    if path is not None:
        write_summary(path, text)
    if os.environ.get(STEP_SUMMARY):
        write_summary(Path(os.environ[STEP_SUMMARY]), text, adds=True)


def write_summary(path: Path, text: str, adds: bool = False) -> None:
    """Write a file of text, whole or not at all; or add to one that others write to as well.

    Raises:
        IncompleteError: when it can't be written.
    """
    try:
        if adds:
            with path.open("ab") as file:
                file.write(text.encode())
        else:
            write_whole(path, text.encode())
    except OSError as error:
        raise IncompleteError(f"{path} can't be written ({error.strerror}); what was measured is kept") from error
