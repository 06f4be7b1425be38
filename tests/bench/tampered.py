"""Results that are whole, on the disk, and what tampers with one in one place.

path = tamper_with(write_run(tmp_path / "run"), "run.json", lambda head, records: take(records, type="ended"))
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench import lint
from bench.judge.gate import decide_outcome, judge_gate
from bench.judge.race import judge_race
from bench.judge.results import judge_run
from bench.judge.tune import judge_tune
from bench.records.conditions import Conditions, GpuConditions
from bench.records.gate import create_gate, read_gate
from bench.records.journal import Ended, Record
from bench.records.race import RaceEnded, RaceRecord
from bench.records.run import RunInfo
from bench.records.store import create_run, read_race, read_run
from bench.records.tune import Heat, Tried, TuneEnded
from bench.records.tune_store import create_tune, read_tune
from bench.render.gate import list_gate_files
from bench.render.race import list_race_files
from bench.render.report import list_files
from bench.render.tune import list_tune_files
from tests.bench.gates import make_gate_info, make_gated
from tests.bench.gates import make_race as make_gates_race
from tests.bench.hostile import write_line
from tests.bench.races import ENDED as RACE_ENDED
from tests.bench.races import make_pairs, make_race_info, make_schooled, make_seated
from tests.bench.runs import make_case, make_details, make_info, make_prefix, make_training
from tests.bench.tunes import make_tune_info

Document = dict[str, Any]
Tamper = Callable[[Document, list[Document]], object]

CASES = [make_case(num_epochs=2), make_case("eager", num_epochs=2)]


def make_conditions(moment: str, wave: int, counter: float) -> Conditions:
    gpu = GpuConditions(name="cuda:0", heat_slowed_seconds=counter)
    return Conditions(moment=moment, wave=wave, cpu_seconds=counter, cpu_throttle_count=int(counter), gpus=(gpu,))  # type: ignore[arg-type]


def make_records() -> list[Record]:
    """Two waves, one a replicate; each case trains in two rounds and shows its details in one."""
    records: list[Record] = []
    for wave in range(2):
        processes = [make_training(case, [1.0, 1.25], replicate=wave, wave=wave, digest=str(wave)) for case in CASES]
        details = [
            [
                *make_details(
                    case, plain=[1.0], timed=[1.5], phases=[[0.25] * 4], inference=[0.5], replicate=wave, wave=wave
                ),
                msgspec.structs.replace(make_prefix(case, "sampler", 0.25, wave), wave=wave),
            ]
            for case in CASES
        ]
        records += [process[0] for process in processes]
        records.append(make_conditions("before", wave, 10.0 * wave))
        records += [process[1] for process in processes]
        records += [record for process in processes for record in process[2:]]
        records.append(make_conditions("after", wave, 10.0 * wave + 5))
        records += [record for each in details for record in each]
    return [*records, Ended(is_complete=True, seconds=75.0)]


def make_run_info() -> RunInfo:
    info = make_info(CASES, num_replicates=2)
    return msgspec.structs.replace(info, plan=msgspec.structs.replace(info.plan, num_rounds=2, num_detail_rounds=1))


def write_run(path: Path) -> Path:
    with create_run(make_run_info(), path, ()) as directory:
        for record in make_records():
            directory.append(record)
    run = read_run(path)
    for name, text in list_files(run, judge_run(run)).items():
        (path / name).write_bytes(text.encode())
    return path


def make_race_records() -> list[RaceRecord]:
    records: list[RaceRecord] = []
    for pair, difference in enumerate((0.0, 0.001, 0.002, 0.003)):
        records += [make_seated(pair, arm) for arm in range(2)]
        records += [msgspec.structs.replace(each, pair=pair) for each in make_pairs([difference])]
    records.append(RACE_ENDED)
    # Other bits for the other arm, so that one seed is not enough.
    losses = {"a": [0.5] * 1_000, "b": [0.75] * 1_000}
    return [*records, *(make_schooled(label, seed, losses=losses[label]) for seed in range(3) for label in "ab")]


def write_race(path: Path) -> Path:
    with create_run(make_race_info(), path, ()) as directory:
        for record in make_race_records():
            directory.append(record)
    race = read_race(path)
    for name, text in list_race_files(race, judge_race(race)).items():
        (path / name).write_bytes(text.encode())
    return path


def write_tune(path: Path) -> Path:
    """Store a tune of the race's two arms, with one heat, as `bench.tune` does."""
    candidates = tuple(arm.case for arm in make_race_info().plan.arms)
    with create_tune(make_tune_info(candidates), path, ()) as directory:
        for number in range(2):
            directory.append(Tried(candidate=number, epoch_seconds=0.1 + number / 100))
        heat = Heat(number=0, stage=0, candidates=(0, 1))
        directory.append(heat)
        write_race(path / heat.directory_name)
        directory.append(TuneEnded(reason="done", seconds=100.0))
        tune = read_tune(path)
        for name, text in list_tune_files(tune, judge_tune(tune)).items():
            directory.write_text(name, text)
    return path


def write_gate(path: Path) -> Path:
    gated = make_gated()
    create_gate(make_gate_info(gated), path, ())
    race = make_gates_race(gated, [0.0, 0.001, 0.002, 0.003])
    info = msgspec.structs.replace(race.info, plan=msgspec.structs.replace(race.info.plan, num_quality_seeds=0))
    with create_run(info, path / gated.directory_name(1), ()) as directory:
        for pair in range(4):
            for arm in range(2):
                directory.append(make_seated(pair, arm))
            for each in race.rounds:
                if each.pair == pair:
                    directory.append(each)
        directory.append(RaceEnded(reason="resolved", seconds=30.0))
    stored = read_race(directory.path)
    for name, text in list_race_files(stored, judge_race(stored)).items():
        (directory.path / name).write_bytes(text.encode())
    gate = read_gate(path)
    judged = judge_gate(gate)
    for name, text in list_gate_files(gate, judged, decide_outcome(judged, was_interrupted=False)).items():
        (path / name).write_bytes(text.encode())
    return path


def list_faults(path: Path) -> list[str]:
    return [
        f"{each.file}: {each.field}: expected {each.expected}, found {each.found}" for each in lint.find_faults(path)
    ]


def tamper_with(path: Path, head_name: str, tamper: Tamper) -> Path:
    """Change the head or the samples, with checksums that are right again."""
    head = json.loads((path / head_name).read_bytes())
    records = [json.loads(line)["record"] for line in (path / "samples.jsonl").read_bytes().splitlines()]
    tamper(head, records)
    (path / head_name).write_text(json.dumps(head))
    (path / "samples.jsonl").write_bytes(b"".join(write_line(json.dumps(each).encode()) for each in records))
    return path


def find(records: list[Document], **fields: object) -> Document:
    return next(each for each in records if fields.items() <= each.items())


def take(records: list[Document], **fields: object) -> Document:
    record = find(records, **fields)
    records.remove(record)
    return record


def take_pair(records: list[Document], pair: int) -> None:
    records[:] = [each for each in records if each.get("pair") != pair]


def set_accuracy(records: list[Document], **fields: float) -> None:
    find(records, type="trained")["heldout_accuracy"] |= fields
