"""Collections that a page has to bear: all that can be in one, and text that wants to be more than text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import msgspec

from bench.errors import InvalidFileError
from bench.records.collection import Collection
from bench.records.environment import Environment
from bench.records.foreign import ForeignRow, ForeignRun
from bench.records.run import Run
from bench.records.stored import Stored
from tests.bench.races import make_race
from tests.bench.render.test_race import make_golden_race
from tests.bench.render.test_report import make_golden_run
from tests.bench.runs import ENVIRONMENT, make_case, make_run, make_training
from tests.bench.sides import EAGER, REFERENCE, make_environment, make_measured
from tests.bench.sweeps import make_crossing_sweep, make_lost, make_sweep

_MARKUP = "</script><img src=http://x.test/ onerror=alert(1)>&amp;{{ 7*7 }} | `x` **b** [c](javascript:alert(1)) =1+1 "
HOSTILE = _MARKUP + "\u2028\n\x1b[31m"
SHOWN = _MARKUP + r"\u2028\n\x1b[31m"
"""What is to be seen of it."""


def make_collection(*runs: Run) -> Collection:
    return Collection(tuple(Stored(Path(f"run{place}"), str(place), run) for place, run in enumerate(runs)), (), {})


def make_whole_collection() -> Collection:
    """Return two runs of different machines, one was stopped; a race; a sweep; a file of another tool; a fault."""
    elsewhere = make_environment({"cpu_model": "Other CPU"}, os_release="Linux-6.2")
    runs = make_collection(make_golden_run(), make_measured({REFERENCE: 2.0, EAGER: 1.0}, environment=elsewhere)).runs
    race = Stored(Path("race"), "content of the race", make_golden_race())
    sweep = Stored(Path("sweep"), "content of the sweep", make_crossing_sweep())
    foreign = ForeignRun(Path("times.json"), "theirs", "hyperfine", (ForeignRow("sleep 1", (1.0, 1.25)),))
    return Collection(runs, (race,), {Path("torn"): InvalidFileError("torn holds no record")}, (foreign,), (sweep,))


def make_hostile_collection() -> Collection:
    """Return a run, a race, a sweep and another tool's file in which every free text is hostile."""
    case, other = make_case(f"a{HOSTILE}"), make_case(f"b{HOSTILE}")
    environment = Environment(
        identity=msgspec.structs.replace(ENVIRONMENT.identity, cpu_model=HOSTILE),
        recorded=msgspec.structs.replace(ENVIRONMENT.recorded, host_name=HOSTILE, os_release=HOSTILE),
    )
    run = make_run(
        [case, other],
        make_training(case, [1.0, 1.0]),
        make_training(other, [2.0, 2.0]),
        environment=environment,
        label=HOSTILE,
    )
    warned = Run(run.info, run.measurements, run.ended, (HOSTILE,))
    race = make_race([0.0, 0.01, 0.02, 0.03])
    arms = tuple(
        msgspec.structs.replace(arm, label=arm.label + HOSTILE, settings=HOSTILE) for arm in race.info.plan.arms
    )
    info = msgspec.structs.replace(race.info, plan=msgspec.structs.replace(race.info.plan, arms=arms))
    sweep = make_sweep([(1e-4, 1e-7), (3e-4, 5e-8)], (10, 1_000, 100_000), curves=(case, other))
    lost = replace(sweep, lost=(make_lost(values=(10**6,), reason=HOSTILE),), warnings=(HOSTILE,))
    return Collection(
        (Stored(Path(HOSTILE), "run", warned),),
        (Stored(Path(f"race{HOSTILE}"), "race", replace(race, info=info)),),
        {Path(f"torn{HOSTILE}"): InvalidFileError(HOSTILE)},
        (ForeignRun(Path(HOSTILE), "theirs", "hyperfine", (ForeignRow(HOSTILE, (1.0, 1.25), HOSTILE),)),),
        (Stored(Path(f"sweep{HOSTILE}"), "sweep", lost),),
    )


class Elements(HTMLParser):
    """What a page is made of: its elements with their attributes, and its text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] not in {"script", "style"}:
            self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def list_sections(page: str) -> dict[str, str]:
    """Return the sections of a page: anchor -> its HTML."""
    parts = re.split(r'<section id="([^"]+)">', page)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))
