"""Where compiled code is kept between processes."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.caching import FunctionCache
from numba.misc.appdirs import user_cache_dir


class _Cache(FunctionCache):
    """Numba's own, but a full disk costs the next process its time, and this one nothing."""

    def save_overload(self, signature: Any, compiled: Any) -> None:
        with suppress(OSError):
            super().save_overload(signature, compiled)


def keep_compiled(function: Any) -> Any:
    """Have Numba keep what it compiles of a function, and load it where it was kept; return the function.

    It lies in NUMBA_CACHE_DIR, else where the user's caches lie, in a folder for the sources as they are: Numba itself
    would not see that what a function calls has changed. Where nothing can be written, nothing is kept.
    """
    folder = _open_folder(config.CACHE_DIR or user_cache_dir("productnet-bench", appauthor=False))
    if folder is not None:
        before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
        try:
            function._cache = _Cache(function.py_func)
        finally:
            config.CACHE_DIR = before
    return function


def _open_folder(base: str) -> Path | None:
    path = Path(base, f"fused-{_digest_sources()}")
    if not path.is_absolute():  # of a user without a home
        return None
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return path if os.access(path, os.W_OK | os.X_OK) else None


@cache
def _digest_sources() -> str:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
