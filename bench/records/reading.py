"""Reading what came from elsewhere: regular files alone, and never more of one than its limit.

A result may have come from anybody. What lies where a file should be may be a link, a pipe or a device; a file may be
larger than any memory.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from bench.errors import InvalidFileError

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises; the last where brackets are nested too deeply."""
MAX_COMPLAINT = 500
"""Characters of what is wrong with a file, which may quote it."""

_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))
"""Through no link, and without waiting for whoever might write into a pipe."""
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def is_there(path: Path) -> bool:
    """Say whether anything has this name; what may not even be looked at has not."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def is_directory(path: Path) -> bool:
    """Say whether a directory has this name; one that is too long, or may not be looked at, is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Say whether a file has this name, likewise."""
    try:
        return path.is_file()
    except OSError:
        return False


@contextmanager
def open_regular(path: Path, limit: int, hint: str = "") -> Iterator[BinaryIO]:
    """Open a regular file of at most so many bytes.

    Args:
        hint: what to add where it can't be read.
    Raises:
        InvalidFileError: when it is something else, too large, not there, or when reading it fails.
    """
    try:
        # Before it is opened, since opening alone may move a device.
        _check_regular(path, path.lstat().st_mode)
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            status = os.fstat(file.fileno())
            _check_regular(path, status.st_mode)
            if status.st_size > limit:
                raise InvalidFileError(f"{path} has {status.st_size:,} bytes, and at most {limit:,} are read")
            yield file
    except OSError as error:
        raise InvalidFileError(f"{path} can't be read: {error.strerror}{hint}") from error


def read_regular(path: Path, limit: int, hint: str = "") -> bytes:
    """Return what a regular file holds.

    Raises:
        InvalidFileError: as `open_regular`.
    """
    with open_regular(path, limit, hint) as file:
        content = file.read(limit + 1)
    if len(content) > limit:  # it has grown meanwhile, or does not say how large it is
        raise InvalidFileError(f"{path} has more than {limit:,} bytes")
    return content


def digest_files(limit: int, *paths: Path) -> str:
    """Return a digest of the contents of files of at most so many bytes, in this order.

    Raises:
        InvalidFileError: as `open_regular`.
    """
    digest = hashlib.sha256()
    for path in paths:
        with open_regular(path, limit) as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())  # type: ignore[arg-type]
    return digest.hexdigest()


def _check_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise InvalidFileError(f"{path} is {kind}: a regular file has to be there")
