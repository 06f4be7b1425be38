"""How processes are started here.

On Linux workers are forked from a server that has imported torch and has run nothing of it: importing it takes three
seconds, forking a twentieth of one. Elsewhere each is started anew.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import BaseContext
from multiprocessing.util import get_temp_dir


def make_context() -> BaseContext:
    """Return how processes are started here. The server imports torch, and must never run an operator of it."""
    if os.name != "nt":  # Windows hands on no descriptor by its number
        _fill_standard_descriptors()
        _start_tracker()
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # torch's first optimizer imports torch._dynamo: 1.4 s that would be charged to a set-up.
    context.set_forkserver_preload(["productnet.train", "torch._dynamo"])
    # Ctrl-C is for the coordinator: the server inherits that it is ignored, also while it still imports.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with _torch_leaving_no_folder():
            forkserver.ensure_running()
    except OSError:
        # Its socket lies in TMPDIR, and a socket's path has at most 107 bytes.
        return multiprocessing.get_context("spawn")
    finally:
        signal.signal(signal.SIGINT, handler)
    return context


@contextmanager
def _torch_leaving_no_folder() -> Iterator[None]:
    """Name a place for compiled code that ends with this process.

    torch._dynamo makes that folder when it is imported, by default one that stays. Not set for longer than a server
    takes to start: the environment is recorded as the user's.
    """
    if "TORCHINDUCTOR_CACHE_DIR" in os.environ:
        yield
        return
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = get_temp_dir()
    try:
        yield
    finally:
        del os.environ["TORCHINDUCTOR_CACHE_DIR"]


def _start_tracker() -> None:
    """Start what removes the semaphores of killed processes, and have it say nothing: every worker ends by a signal."""
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.pop()


def _fill_standard_descriptors() -> None:
    """Open nothing in place of a standard stream that whoever started us has closed, and let processes inherit it.

    In one without standard error Python has none either, and what writes there when a worker hangs can't start.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
        os.set_inheritable(number, True)
