"""`python -m bench.campaigns.races SCENARIO...`: the race's own error rates, from many races of known truth.

Each race is `python -m bench.race` as a user runs it, in a process of its own. One line a race is appended as it ends,
with the difference of every pair; a campaign that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct

from bench.campaigns.trainings import cut_torn_line
from bench.errors import InvalidFileError
from bench.interrupts import interrupt_once
from bench.judge.race import judge_race
from bench.records.store import read_race

_BURSTS = """
import os, sys, threading, time

def end_with_the_campaign():
    sys.stdin.read()
    os._exit(0)

threading.Thread(target=end_with_the_campaign).start()
while True:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        sum(range(10_000))
    time.sleep(5)
"""
_KNOWN = "bench.workloads.known:"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Races of one kind."""

    arms: tuple[str, str]
    """The workload of each."""
    flags: tuple[str, ...]
    num_races: int
    is_loaded: bool = False
    """Whether another process loads the machine, on for five seconds and off for five."""


ONE_PERCENT, TWO_PERCENT, FIVE_PERCENT = 1_100, 2_200, 5_500
"""Spins a step; their sizes as measured stand in docs/method.md."""

_NONE, _ONE, _TWO, _FIVE = (f"{_KNOWN}spins_{number}" for number in (0, ONE_PERCENT, TWO_PERCENT, FIVE_PERCENT))

SCENARIOS = {
    "aa": Scenario((_NONE, _NONE), (), 50),
    "aa-layout": Scenario((_NONE, _NONE), ("--shared-layout", "--resolution", "0.4%", "--budget", "30s"), 50),
    "aa-loaded": Scenario((_NONE, _NONE), (), 50, is_loaded=True),
    "two": Scenario((_NONE, _TWO), (), 50),
    "five": Scenario((_NONE, _FIVE), ("--resolution", "2%"), 50),
    "one": Scenario((_NONE, _ONE), ("--dead-zone", "0%", "--resolution", "0.5%", "--budget", "120s"), 30),
    "harness": Scenario(
        (f"{_KNOWN}BareLoop", "bench.workloads.productnet:ProductNet"), ("--resolution", "0.4%", "--budget", "180s"), 1
    ),
    "one-layout": Scenario((_NONE, _ONE), ("--shared-layout", "--resolution", "0.3%"), 50),
}


class RaceLine(Struct, frozen=True, kw_only=True):
    """What one race came to."""

    scenario: str
    started_at: str
    """UTC, ISO 8601."""
    arms: tuple[str, str]
    exit_code: int
    verdict: str
    reason: str
    """Why it stopped."""
    seconds: float
    """Of the whole command, start-up included."""
    num_rounds: int
    num_disturbed: int
    mean: float | None
    half_width: float | None
    differences: tuple[float, ...]


def read_lines(path: Path) -> list[RaceLine]:
    """Read a campaign's races, compressed or not; a last line without its end is left out.

    Raises:
        InvalidFileError: when it can't be read, or a line is none of ours.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")]
        return [msgspec.json.decode(line, type=RaceLine) for line in lines]
    except (OSError, EOFError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{path} is no file of this campaign: {error}") from error


def list_missing(done: Sequence[RaceLine], names: Sequence[str]) -> Iterator[str]:
    """Name the races still to be run, the scenarios in turns, so that a part of them is a fair part."""
    left = {name: SCENARIOS[name].num_races - sum(line.scenario == name for line in done) for name in names}
    while any(count > 0 for count in left.values()):
        for name in names:
            if left[name] > 0:
                left[name] -= 1
                yield name


def run_race(name: str) -> RaceLine:
    """Run one race and read what it has left."""
    scenario = SCENARIOS[name]
    started_at, started = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    with TemporaryDirectory() as directory, load_machine() if scenario.is_loaded else nullcontext():
        output = Path(directory) / "race"
        first, second = (("engine=eager", f"workload={place}") for place in scenario.arms)
        arms = ("--a", *first, "--b", *second)
        rest = ("--quality-seeds", "0", "--seed", str(time.time_ns() % 2**31), "--output", str(output))
        command = (sys.executable, "-m", "bench.race", *arms, "--device", "cpu", *scenario.flags, *rest)
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own command
        seconds = time.monotonic() - started
        race = read_race(output)
    (contrast,) = judge_race(race)
    found = contrast.estimate
    return RaceLine(
        scenario=name,
        started_at=started_at,
        arms=scenario.arms,
        exit_code=done.returncode,
        verdict=str(contrast.verdict),
        reason=race.ended.reason if race.ended else "none",
        seconds=seconds,
        num_rounds=len(race.rounds),
        num_disturbed=sum(each.disturbance is not None for each in race.rounds),
        mean=found.mean if found else None,
        half_width=found.half_width if found else None,
        differences=contrast.differences,
    )


@contextmanager
def load_machine() -> Iterator[None]:
    """Have another process compute for five seconds, sleep for five, and so on."""
    command = (sys.executable, "-c", _BURSTS)
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:  # noqa: S603 - a fixed script
        try:
            yield
        finally:
            process.kill()


def main(run: Callable[[str], RaceLine] = run_race) -> int:
    """Run the races that the file lacks."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.races", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"some of {', '.join(SCENARIOS)}; none: show")
    parser.add_argument("--file", type=Path, required=True, help="JSON Lines, made or gone on with")
    parser.add_argument("--minutes", type=float, default=1e9, help="start no race after so many minutes")
    arguments = parser.parse_args()
    if not set(arguments.scenarios) <= set(SCENARIOS):
        parser.error(f"{arguments.scenarios} are not all known: use some of {', '.join(SCENARIOS)}")
    if not arguments.scenarios:
        _show(arguments.file)
        return 0
    if arguments.file.suffix == ".gz":
        parser.error(f"{arguments.file} is compressed, to be kept: name a file without .gz to go on with")
    interrupt_once()
    until = time.monotonic() + 60 * arguments.minutes
    done = read_lines(arguments.file) if arguments.file.exists() else []
    arguments.file.touch()
    cut_torn_line(arguments.file)
    with arguments.file.open("ab") as lines:
        for name in list_missing(done, arguments.scenarios):
            if time.monotonic() > until:
                break
            line = run(name)
            lines.write(msgspec.json.encode(line) + b"\n")
            lines.flush()
            os.fsync(lines.fileno())
            shown = "-" if line.mean is None or line.half_width is None else f"{line.mean:+.4f} +-{line.half_width:.4f}"
            print(f"{name} {line.verdict} {shown} {len(line.differences)} pairs {line.seconds:.0f} s", flush=True)
    return 0


def _show(file: Path) -> None:
    from bench.campaigns.race_figures import TRUTHS, make_races_table
    from bench.render.table import to_markdown

    print(to_markdown(make_races_table(read_lines(file), TRUTHS)))


if __name__ == "__main__":
    sys.exit(main())
