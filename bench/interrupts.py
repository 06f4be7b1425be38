"""Requests to end: the first interrupts a run, and those that follow find it on its way out already."""

from __future__ import annotations

import atexit
import signal

_NUMBERS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def interrupt_once() -> None:
    """Have the first signal raise a KeyboardInterrupt, and no other do anything, to the very end of the process.

    What is ignored already (nohup, a script's `&`) stays so.
    """
    is_leaving = False

    def handle(_number: int, _frame: object) -> None:
        nonlocal is_leaving
        if is_leaving:
            return
        is_leaving = True
        # Python gives handlers of its own back before it has ended, and a signal would then be what it ended by. Not
        # ignored from now on: of two that come at once the second would be reported as lost.
        atexit.register(_install, signal.SIG_IGN)
        raise KeyboardInterrupt

    _install(handle)


def _install(handler: object) -> None:
    for number in _NUMBERS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)  # type: ignore[arg-type]
