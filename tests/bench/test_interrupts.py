"""The first request to end interrupts; what comes after it is never seen."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.systems import posix_only

PROGRAM = """
import atexit, os, signal
from bench.interrupts import interrupt_once
from productnet.door import run_door

def ask_again():
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)

class Last:
    def __del__(self, ask_again=ask_again):
        ask_again()

last = Last()
atexit.register(ask_again)

def main():
    interrupt_once()
    try:
        {first}
    except KeyboardInterrupt:
        ask_again()
        print("kept")
        raise

run_door("prog", main, ())
"""

AT_ONCE = """
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        ask_again()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))"""


@posix_only
@pytest.mark.parametrize(
    "first", ["os.kill(os.getpid(), signal.SIGINT)", "os.kill(os.getpid(), signal.SIGTERM)", AT_ONCE]
)
def test_a_second_signal_is_quiet_at_every_point_of_leaving_and_the_exit_code_stays_130(first: str) -> None:
    command = (sys.executable, "-c", PROGRAM.format(first=first))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "kept\n", "prog: interrupted\n")


@posix_only
def test_a_signal_that_whoever_started_us_has_switched_off_stays_so() -> None:
    program = (
        "import os, signal\n"
        "from bench.interrupts import interrupt_once\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "interrupt_once()\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
        "print('went on')\n"
    )
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "went on\n")
