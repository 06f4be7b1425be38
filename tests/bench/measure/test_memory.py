from __future__ import annotations

import subprocess
import sys


def test_the_peak_holds_what_was_given_back() -> None:
    """In a process of its own: a peak is never forgotten."""
    program = (
        "from bench.measure.memory import read_peak_bytes, read_resident_bytes\n"
        "before = read_peak_bytes()\n"
        "block = bytearray(b'x') * 200_000_000\n"
        "del block\n"
        "assert read_peak_bytes() - before > 150_000_000, read_peak_bytes()\n"
        "assert read_peak_bytes() - read_resident_bytes() > 150_000_000\n"
    )
    subprocess.run((sys.executable, "-c", program), check=True)
