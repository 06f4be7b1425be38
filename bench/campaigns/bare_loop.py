"""`python -m bench.campaigns.bare_loop`: do our timings agree with a bare loop and a stopwatch around it?

Two fresh processes a pair, both pinned to one core: a worker of ours, from a server of its own, and a script that
imports nothing of ours, with the same operations written out by hand. They take turns, in the order AB, BA, block by
block of the same epochs. What is printed is the ratio worker / bare: all that the harness and `fit` add. Workers of one
server would share its address layout, whose luck of half a percent the interval would then not see.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from bench.measure.messages import BlockDone, Ready, RunBlock, SetUp
from bench.measure.process import start_worker
from bench.records.case import Case
from productnet.config import TrainConfig

PRODUCTNET = "bench.workloads.productnet:ProductNet"
ENGINES = ("reference", "eager")
TIMEOUT_SECONDS = 300.0

_BARE_LOOP = """
import sys
from time import perf_counter

import torch
from torch import nn
from torch.nn.functional import mse_loss

torch.set_num_threads(1)
torch.manual_seed(1)
is_eager = sys.argv[1] == "eager"
model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1))
x1 = 1 + 9 * torch.rand(1000)
x2 = 1 + 9 * torch.rand(1000)
columns = [(v - v.mean()) / v.std() for v in (x1, x2, x1 * x2)]
features = torch.stack(columns[:2], dim=1)
targets = columns[2].unsqueeze(1)
optimizer = torch.optim.Adam(model.parameters(), fused=True if is_eager else None)

for line in sys.stdin:
    started = perf_counter()
    for _ in range(int(line)):
        losses = []
        order = torch.randperm(1000)
        for inputs, expected in zip(features[order].split(100), targets[order].split(100)):
            loss = mse_loss(model(inputs), expected)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.detach() if is_eager else loss.item())
        mean = sum(torch.stack(losses).tolist() if is_eager else losses) / 10
    print(perf_counter() - started, flush=True)
"""


def main() -> int:
    """Measure pairs and print the ratio of each engine with its interval."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.bare_loop", description=__doc__)
    parser.add_argument("--pairs", type=int, default=12, help="fresh process pairs an engine (default 12)")
    parser.add_argument("--rounds", type=int, default=40, help="turns of each process, an even number (default 40)")
    parser.add_argument("--epochs", type=int, default=25, help="epochs a turn (default 25)")
    parser.add_argument("--one", choices=ENGINES, help="measure one pair only, and print the logarithm of its ratio")
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(_measure_pair(arguments.one, arguments.rounds, arguments.epochs))
        return 0
    if hasattr(os, "sched_setaffinity"):
        # Inherited by every process that is started from here.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    else:
        print("nothing can be pinned on this system: read the interval with that in mind")
    for engine in ENGINES:
        words = (f"--one={engine}", f"--rounds={arguments.rounds}", f"--epochs={arguments.epochs}")
        ratios = [_ask((sys.executable, "-m", "bench.campaigns.bare_loop", *words)) for _ in range(arguments.pairs)]
        mean, half_width = _estimate(ratios)
        low, high = math.exp(mean - half_width), math.exp(mean + half_width)
        print(
            f"{engine}: worker / bare loop {math.exp(mean):.4f} (95 % interval {low:.4f} to {high:.4f}, "
            f"{len(ratios)} pairs of {arguments.rounds} blocks of {arguments.epochs} epochs)",
            flush=True,
        )
    return 0


def _ask(command: tuple[str, ...]) -> float:
    """Run a pair in an interpreter of its own."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own command
    return float(done.stdout)


def _measure_pair(engine: str, num_rounds: int, num_epochs: int) -> float:
    """Return ln(worker / bare) of one pair of fresh processes: the median over couples of rounds, AB and BA."""
    with TemporaryDirectory() as logs, _start_bare_loop(engine) as (commands, answers):
        worker = start_worker(PRODUCTNET, Path(logs) / "log")
        try:
            worker.wait_until_loaded(TIMEOUT_SECONDS)
            recipe = TrainConfig()
            case = Case(device="cpu", engine=engine, batching="manual", num_threads=1, num_epochs=recipe.num_epochs)
            worker.request(SetUp(case=case, seed=1, timeout_seconds=TIMEOUT_SECONDS), Ready)
            block = RunBlock(kind="train", amount=num_epochs, timeout_seconds=TIMEOUT_SECONDS)

            def ours() -> float:
                return worker.request(block, BlockDone).seconds

            def theirs() -> float:
                commands.write(f"{num_epochs}\n")
                commands.flush()
                return float(answers.readline())

            ours(), theirs()  # the first of each warms up
            couples = []
            for _ in range(num_rounds // 2):
                first = math.log(ours() / theirs())
                bare = theirs()
                couples.append((first + math.log(ours() / bare)) / 2)
            return statistics.median(couples)
        finally:
            worker.end()


@contextmanager
def _start_bare_loop(engine: str) -> Iterator[tuple[IO[str], IO[str]]]:
    process = subprocess.Popen(  # noqa: S603 - a fixed script
        (sys.executable, "-c", _BARE_LOOP, engine), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process without its pipes")
        yield process.stdin, process.stdout
        process.stdin.close()


def _estimate(logarithms: list[float]) -> tuple[float, float]:
    """Return the mean and the half-width of its 95 % t interval; the unit is the pair."""
    from scipy.special import stdtrit

    error = statistics.stdev(logarithms) / math.sqrt(len(logarithms))
    return statistics.fmean(logarithms), float(stdtrit(len(logarithms) - 1, 0.975)) * error


if __name__ == "__main__":
    sys.exit(main())
