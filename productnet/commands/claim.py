"""Folders that one training at a time writes to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from productnet.commands.output import naming_output
from productnet.errors import ConfigError


@contextmanager
def claim_folders(folders: Mapping[str, Path | None]) -> Iterator[None]:
    """Make folders, and keep other trainings out of them for a while.

    Args:
        folders: by the flag that has named each; flags may share one.
    Raises:
        ConfigError: when one can't be made, or another training has claimed it.
    """
    flags: dict[Path, str] = {}
    for flag, folder in folders.items():
        if folder is not None:
            with naming_output(flag, folder):
                folder.mkdir(parents=True, exist_ok=True)
                flags.setdefault(folder.resolve(), flag)
    with ExitStack() as claims:
        for folder, flag in flags.items():
            claims.enter_context(_claim(flag, folder))
        yield


@contextmanager
def _claim(flag: str, folder: Path) -> Iterator[None]:
    """Lock the folder itself: no file is left behind, and the system unlocks it when the process is killed.

    Windows, and some file systems of a network, lock no folders. There two trainings write over each other; but each
    file of a network or recipe is whole, since it is written apart and put in its place at once.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigError(
            flag, f"{folder} is written by another training right now: wait for its end, or name another folder"
        ) from error
    except OSError:
        """No locks here."""
    try:
        yield
    finally:
        os.close(descriptor)
