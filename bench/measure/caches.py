"""Where a run keeps what it compiles: a directory of its own among the system's temporary ones."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def open_caches() -> Iterator[Path]:
    """Make the directory, empty, and remove it at the end; before, remove those that runs left which were killed.

    Its name says whose it is: of which machine (each container is one: it counts its processes itself) and process.
    """
    machine = f"bench-compiled-{zlib.crc32(platform.node().encode(errors='replace')):08x}"
    for path in Path(tempfile.gettempdir()).glob(f"{machine}-*"):
        owner = re.fullmatch(rf"{machine}-([0-9]{{1,9}})-.*", path.name)
        if owner and not psutil.pid_exists(int(owner[1])):
            shutil.rmtree(path, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{machine}-{os.getpid()}-") as directory:
        yield Path(directory)
