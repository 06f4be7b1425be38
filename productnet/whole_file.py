"""Writing a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, replacing the one that may be there: whoever is killed leaves the one of before, whole.

    Raises:
        OSError: when it can't be written; what was written of it is removed.
    """
    # Of this process alone: two that write the same file must not write into each other's half.
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
