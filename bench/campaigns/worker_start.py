"""`python -m bench.campaigns.worker_start`: what starting a pair of eager workers costs, once the server is up.

From the launch of the first to the moment in which both have set up their case and run their first step; torch was
imported in the server, before.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.campaigns.bare_loop import PRODUCTNET, TIMEOUT_SECONDS
from bench.measure.messages import Ready, SetUp
from bench.measure.process import start_worker
from bench.records.case import Case
from productnet.config import TrainConfig

CASE = Case(device="cpu", engine="eager", batching="manual", num_threads=1, num_epochs=TrainConfig().num_epochs)


def main() -> int:
    """Start pairs and print the median."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.worker_start", description=__doc__)
    parser.add_argument("--pairs", type=int, default=20, help="how many (default 20)")
    num_pairs = parser.parse_args().pairs
    _start_pair()  # starts the server, too
    seconds = [_start_pair() for _ in range(num_pairs)]
    loaded, stepped = (statistics.median(column) for column in zip(*seconds, strict=True))
    print(
        f"a pair of eager CPU workers, median of {num_pairs}: loaded after {loaded:.3f} s, first step {stepped:.3f} s"
    )
    return 0


def _start_pair() -> tuple[float, float]:
    """Return the seconds until both are loaded, and until both, one after the other, have run their first step."""
    workers = []
    with TemporaryDirectory() as logs:
        try:
            started = perf_counter()
            workers = [start_worker(PRODUCTNET, Path(logs) / f"{number}") for number in range(2)]
            for worker in workers:
                worker.wait_until_loaded(TIMEOUT_SECONDS)
            loaded = perf_counter() - started
            command = SetUp(case=CASE, seed=1, timeout_seconds=TIMEOUT_SECONDS)
            ready = [worker.request(command, Ready) for worker in workers]
            return loaded, loaded + sum(each.setup_seconds + (each.first_step_seconds or 0.0) for each in ready)
        finally:
            for worker in workers:
                worker.end()


if __name__ == "__main__":
    sys.exit(main())
