"""`python -m bench.campaigns.peers`: how often the gates of other tools err, on the work that our races are given.

A turn measures the same work twice and the slowed one once with pytest-benchmark's defaults, and every few turns with
pyperf's, too. Each gate is then asked about both pairs, as its documents say. One line an answer; goes on where it was.

pyperf is none of our dependencies: `pip install pyperf`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.campaigns.json_lines import append_lines, cut_torn_line
from bench.campaigns.peers.answers import (
    Answer,
    Pair,
    ask_by_rank,
    ask_pyperf,
    ask_pytest_benchmark,
    describe_peers,
    read_answers,
)
from bench.campaigns.peers.work import SPINS_VARIABLE
from bench.interrupts import interrupt_once
from bench.publishing import compress, publish

HERE = Path(__file__).parent
SIDES = ("first", "again", "slowed")
PAIRS: Mapping[Pair, str] = {"aa": "again", "two": "slowed"}
"""What is held against the first side."""
TURNS, PYPERF_EVERY = 15, 5


def main() -> int:
    """Take the turns that the file lacks."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.peers", description=__doc__)
    parser.add_argument("--file", type=Path, required=True, help="JSON Lines, made or gone on with")
    parser.add_argument("--minutes", type=float, default=1e9, help="start no turn after so many minutes")
    parser.add_argument("--show", action="store_true", help="show what the file says")
    parser.add_argument("--publish", action="store_true", help="show it, and put it into docs/method.md")
    parser.add_argument("--spins", type=int, default=4_280, help="a step of the slowed side (default %(default)s)")
    arguments = parser.parse_args()
    if arguments.show or arguments.publish:
        text = describe_peers(read_answers(arguments.file))
        print(text)
        if arguments.publish:
            publish("peers", text, {"peers.jsonl.gz": compress(arguments.file.read_bytes())})
        return 0
    if find_spec("pyperf") is None:
        parser.error("pyperf is not installed: pip install pyperf")
    interrupt_once()
    until = time.monotonic() + 60 * arguments.minutes
    arguments.file.touch()
    cut_torn_line(arguments.file)
    done = {answer.turn for answer in read_answers(arguments.file)}
    with arguments.file.open("ab") as lines:
        for turn in (each for each in range(TURNS) if each not in done):
            if time.monotonic() > until:
                break
            # All answers of a turn at once: a turn is there whole or not at all.
            answers = list(take_turn(turn, arguments.spins))
            append_lines(lines, answers)
            print(turn, *(f"{each.gate} {each.pair}: {each.called}" for each in answers), sep="; ", flush=True)
    return 0


def take_turn(turn: int, num_spins: int) -> Iterator[Answer]:
    """Measure all sides with each tool, each turn beginning with another, and ask the gates."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        spins = dict.fromkeys(SIDES, 0) | {"slowed": num_spins}
        order = SIDES[turn % len(SIDES) :] + SIDES[: turn % len(SIDES)]
        seconds = {side: run_pytest_benchmark(spins[side], directory / f"{side}.json") for side in order}
        for pair, head in PAIRS.items():
            first, other = ((directory / f"{side}.json") for side in ("first", head))
            took = seconds["first"] + seconds[head]
            for gate, called in (
                ("pytest-benchmark mean:5%", ask_pytest_benchmark(first, other, 0.05)),
                ("pytest-benchmark mean:1%", ask_pytest_benchmark(first, other, 0.01)),
                ("Mann-Whitney, 5 %", ask_by_rank(first, other)),
            ):
                yield Answer(turn=turn, started_at=started_at, gate=gate, pair=pair, called=called, seconds=took)
        if turn % PYPERF_EVERY == 0:
            seconds = {side: run_pyperf(spins[side], directory / f"{side}.pyperf") for side in order}
            for pair, head in PAIRS.items():
                called = ask_pyperf(directory / "first.pyperf", directory / f"{head}.pyperf")
                took = seconds["first"] + seconds[head]
                yield Answer(turn=turn, started_at=started_at, gate="pyperf", pair=pair, called=called, seconds=took)


def run_pytest_benchmark(spins: int, output: Path) -> float:
    """Measure once and return how long the command took, in seconds."""
    words = ("-m", "pytest", str(HERE / "epoch_benchmark.py"), "--benchmark-only", f"--benchmark-json={output}", "-q")
    return _run(words, spins)


def run_pyperf(spins: int, output: Path) -> float:
    """Likewise."""
    return _run(("-m", "bench.campaigns.peers.epoch_pyperf", "-o", str(output), "--quiet"), spins)


def _run(words: Sequence[str], spins: int) -> float:
    started = time.monotonic()
    variables: Mapping[str, str] = {**os.environ, SPINS_VARIABLE: str(spins)}
    subprocess.run((sys.executable, *words), env=variables, capture_output=True, check=True)  # noqa: S603 - our own
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
