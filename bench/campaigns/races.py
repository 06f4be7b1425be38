"""`python -m bench.campaigns.races SCENARIO...`: the race's own error rates, from many races of known truth.

Each race is `python -m bench.race` as a user runs it, in a process of its own. One line a race is appended as it ends,
with the difference of every pair; a campaign that was stopped goes on where it was, on another machine, too. How large
the injected slowdowns are is measured each time that it starts, before the races, and kept in the same file.
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.campaigns.injected import measure_sizes
from bench.campaigns.json_lines import append_lines, cut_torn_line
from bench.campaigns.race_figures import describe_races
from bench.campaigns.race_lines import SCENARIOS, Line, RaceLine, SizeLine, read_lines
from bench.interrupts import interrupt_once
from bench.judge.race import judge_race
from bench.measure.cpu import collect_cpu_model
from bench.publishing import compress, publish
from bench.records.store import read_race

RunRace = Callable[[str, str, int], RaceLine]
MeasureSlowdowns = Callable[[Sequence[float], Mapping[float, int], str], list[SizeLine]]
_GAUGE_SPINS = 10_000
_NUM_GAUGE_PROCESSES = 6

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


def list_missing(done: Sequence[Line], names: Sequence[str]) -> Iterator[str]:
    """Name the races still to be run, the scenarios in turns, so that a part of them is a fair part."""
    run = Counter(line.scenario for line in done if isinstance(line, RaceLine))
    left = {name: SCENARIOS[name].num_races - run[name] for name in names}
    while any(count > 0 for count in left.values()):
        for name in names:
            if left[name] > 0:
                left[name] -= 1
                yield name


def list_spins(done: Sequence[Line], cpu_model: str) -> dict[float, int]:
    """Return what such a processor's slowdowns were chosen to be: about how large -> spins a step."""
    return {
        line.slowdown: line.num_spins for line in done if isinstance(line, SizeLine) and line.cpu_model == cpu_model
    }


def measure_slowdowns(slowdowns: Sequence[float], chosen: Mapping[float, int], cpu_model: str) -> list[SizeLine]:
    """Choose how many spins make each slowdown on this machine, unless they are chosen; measure how large each is."""
    spins = {slowdown: chosen[slowdown] for slowdown in slowdowns if slowdown in chosen}
    if len(spins) < len(slowdowns):
        (gauged,) = measure_sizes([_GAUGE_SPINS], _NUM_GAUGE_PROCESSES).values()
        share = math.expm1(statistics.median(gauged))
        spins = {slowdown: 10 * round(_GAUGE_SPINS * slowdown / share / 10) for slowdown in slowdowns} | spins
    sizes = measure_sizes([spins[slowdown] for slowdown in slowdowns])
    return [
        SizeLine(cpu_model=cpu_model, slowdown=slowdown, num_spins=spins[slowdown], logarithms=tuple(logarithms))
        for slowdown, logarithms in zip(slowdowns, sizes.values(), strict=True)
    ]


def run_race(name: str, cpu_model: str, num_spins: int) -> RaceLine:
    """Run one race and read what it has left."""
    scenario = SCENARIOS[name]
    started_at, started = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    with TemporaryDirectory() as directory, load_machine() if scenario.is_loaded else nullcontext():
        output = Path(directory) / "race"
        first, second = (("engine=eager", f"workload={place}") for place in scenario.arms(num_spins))
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
        cpu_model=cpu_model,
        num_spins=num_spins,
        exit_code=done.returncode,
        verdict=str(contrast.verdict),
        reason=race.ended.reason if race.ended else "none",
        seconds=seconds,
        num_rounds=len(race.rounds),
        num_disturbed=sum(each.disturbance is not None for each in race.rounds),
        mean=found.mean if found else None,
        half_width=found.half_width if found else None,
        differences=tuple(each.value for each in contrast.pairs),
        scatters=tuple(each.scatter for each in contrast.pairs),
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


def main(run: RunRace = run_race, measure: MeasureSlowdowns = measure_slowdowns) -> int:
    """Run the races that the file lacks."""
    arguments = _parse()
    if not arguments.scenarios:
        text = describe_races(read_lines(arguments.file))
        print(text)
        if arguments.publish:
            publish("races", text, {"races.jsonl.gz": compress(arguments.file.read_bytes())})
        return 0
    interrupt_once()
    until = time.monotonic() + 60 * arguments.minutes
    cpu_model = collect_cpu_model() or "unknown"
    done = read_lines(arguments.file) if arguments.file.exists() else []
    arguments.file.touch()
    cut_torn_line(arguments.file)
    with arguments.file.open("ab") as lines:

        def keep(line: Line) -> None:
            append_lines(lines, [line])

        missing = list(list_missing(done, arguments.scenarios))
        spins = list_spins(done, cpu_model)
        slowdowns = sorted({slowdown for name in missing if (slowdown := SCENARIOS[name].slowdown)})
        for size in measure(slowdowns, spins, cpu_model) if slowdowns else []:
            keep(size)
            spins[size.slowdown] = size.num_spins
        for name in missing:
            if time.monotonic() > until:
                break
            slowdown = SCENARIOS[name].slowdown
            line = run(name, cpu_model, spins[slowdown] if slowdown else 0)
            keep(line)
            shown = "-" if line.mean is None or line.half_width is None else f"{line.mean:+.4f} +-{line.half_width:.4f}"
            print(f"{name} {line.verdict} {shown} {len(line.differences)} pairs {line.seconds:.0f} s", flush=True)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.races", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"some of {', '.join(SCENARIOS)}; none: show")
    parser.add_argument("--file", type=Path, required=True, help="JSON Lines, made or gone on with")
    parser.add_argument("--minutes", type=float, default=1e9, help="start no race after so many minutes")
    parser.add_argument("--publish", action="store_true", help="with no scenario: put the figures into docs/method.md")
    arguments = parser.parse_args()
    if not set(arguments.scenarios) <= set(SCENARIOS):
        parser.error(f"{arguments.scenarios} are not all known: use some of {', '.join(SCENARIOS)}")
    if arguments.scenarios and arguments.file.suffix == ".gz":
        parser.error(f"{arguments.file} is compressed, to be kept: name a file without .gz to go on with")
    if arguments.publish and (arguments.scenarios or arguments.file.suffix == ".gz"):
        parser.error("--publish takes a campaign's own file, and no scenario")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
