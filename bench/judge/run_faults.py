"""What is wrong with a stored run: its records held against its plan, and against each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bench.judge.faults import (
    SLACK,
    Fault,
    check_numbers,
    check_replicas,
    check_start,
    check_trained,
    fault_at,
    fault_of,
    total,
)
from bench.records.case import Case
from bench.records.conditions import Conditions
from bench.records.journal import Block, Counted, Ended, Energy, Failed, Key, Record, Started, Trained
from bench.records.rates import Rates
from bench.records.run import RunInfo
from bench.records.store import INFO_FILE

_COUNTERS = ("cpu_seconds", "stolen_seconds", "quota_throttled_seconds", "cpu_throttle_count")
_GPU_COUNTERS = ("power_slowed_seconds", "heat_slowed_seconds")


@dataclass(slots=True)
class _Process:
    """The records of one process with their lines, in their order."""

    case: Case
    replicate: int
    wave: int
    records: list[tuple[int, Key]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.case.name}, replicate {self.replicate}, wave {self.wave}"

    @property
    def line(self) -> int:
        return self.records[0][0]

    @property
    def has_failed(self) -> bool:
        return any(isinstance(each, Failed) for _, each in self.records)

    def blocks(self) -> list[tuple[int, Block]]:
        return [(line, each) for line, each in self.records if isinstance(each, Block)]


def find_run_faults(info: RunInfo, records: Sequence[Record]) -> Iterator[Fault]:
    """Find what is missing, doubled, out of order, or no time that can be."""
    numbered = list(enumerate(records, 1))
    processes, strangers = _sort_by_process(info, numbered)
    yield from check_start(INFO_FILE, info.started_at)
    yield from strangers
    yield from _check_end(numbered)
    yield from _check_all_there(info, processes, was_killed=not any(isinstance(each, Ended) for each in records))
    yield from _check_conditions(numbered, {each.wave for each in processes if len(each.blocks()) > 1})
    yield from _check_order_of_rounds(numbered)
    kinds: dict[str, set[tuple[str, str | None]]] = {}
    for each in processes:
        yield from _check_life(each)
        yield from _check_replicas(info, each)
        yield from _check_rounds(info, each, kinds)
        yield from _check_work(each)
        yield from _check_times(each)


def _sort_by_process(info: RunInfo, numbered: list[tuple[int, Record]]) -> tuple[list[_Process], list[Fault]]:
    cases = {case.name: case for case in (*info.plan.cases, *([info.plan.reference] if info.plan.reference else []))}
    found: dict[tuple[int, int, str], _Process] = {}
    strangers = []
    for line, record in numbered:
        if isinstance(record, Ended | Conditions | Rates):
            continue
        if record.case not in cases:
            strangers.append(fault_at(line, "case", f"one of {', '.join(cases)}", record.case))
        elif record.replicate >= info.plan.num_replicates:
            strangers.append(fault_at(line, "replicate", f"under {info.plan.num_replicates}", record.replicate))
        else:
            key = (record.wave, record.replicate, record.case)
            process = found.setdefault(key, _Process(cases[record.case], record.replicate, record.wave))
            process.records.append((line, record))
    return list(found.values()), strangers


def _check_end(numbered: list[tuple[int, Record]]) -> Iterator[Fault]:
    ends = [(line, record) for line, record in numbered if isinstance(record, Ended)]
    if not ends:
        yield fault_of("ended", "a record that the run is over", "none: it was killed")
        return
    line, ended = ends[0]
    if line != len(numbered):
        yield fault_at(line + 1, "type", "nothing after the run is over", "a record")
    if not ended.is_complete:
        yield fault_at(line, "is_complete", "true", "false: it was stopped")
    # Workers are set up one at a time, and only one works at a time.
    parts = [
        record.seconds if isinstance(record, Block) else record.setup_seconds + record.compile_seconds
        for _, record in numbered
        if isinstance(record, Block | Started)
    ]
    if ended.seconds < total(parts):
        yield fault_at(line, "seconds", f"at least what its parts took, {sum(parts):.6g}", repr(ended.seconds))


def _check_all_there(info: RunInfo, processes: Sequence[_Process], was_killed: bool) -> Iterator[Fault]:
    reference = [info.plan.reference] if info.plan.reference and info.plan.trains_reference_apart else []
    measured = {(each.case, each.replicate) for each in processes}
    planned = [(case, each) for case in (*reference, *info.plan.cases) for each in range(info.plan.num_replicates)]
    missing = [
        f"{case.name}, replicate {replicate}" for case, replicate in planned if (case, replicate) not in measured
    ]
    if was_killed and missing:
        yield fault_of("what was not reached", f"{len(planned)} processes", f"{len(planned) - len(missing)}")
        return
    for name in missing:
        yield fault_of(name, "records of its process", "none")
    for each in processes:
        is_metered = info.plan.measures_energy and each.case in info.plan.cases and not each.has_failed
        if is_metered and not any(isinstance(record, Energy) for _, record in each.records):
            yield fault_at(each.line, each.name, "a record 'energy'", "none")


def _check_conditions(numbered: list[tuple[int, Record]], waves: set[int]) -> Iterator[Fault]:
    looks = [(line, record) for line, record in numbered if isinstance(record, Conditions)]
    there = {(each.wave, each.moment) for _, each in looks}
    for wave in sorted(waves if looks else ()):
        for moment in ("before", "after"):
            if (wave, moment) not in there:
                yield fault_of(f"wave {wave}", f"conditions {moment} its rounds", "none")
    for (_, before), (line, after) in pairwise(looks):
        for name in _COUNTERS:
            yield from _check_counter(line, name, getattr(before, name), getattr(after, name))
        gpus = {gpu.name: gpu for gpu in before.gpus or ()}
        for gpu in after.gpus or ():
            for name in _GPU_COUNTERS if gpu.name in gpus else ():
                earlier, later = getattr(gpus[gpu.name], name), getattr(gpu, name)
                yield from _check_counter(line, f"gpus.{gpu.name}.{name}", earlier, later)


def _check_counter(line: int, name: str, before: float | None, after: float | None) -> Iterator[Fault]:
    if before is not None and after is not None and after < before:
        yield fault_at(line, name, f"at least {before!r}, as it was before", repr(after))


def _check_order_of_rounds(numbered: list[tuple[int, Record]]) -> Iterator[Fault]:
    """Waves follow each other; within one all trainings come before all else, and no round begins before the last."""
    latest = (0, False, 0)
    for line, record in numbered:
        if isinstance(record, Block):
            place = (record.wave, record.kind != "train", record.round)
            if place < latest:
                wave, is_detail, number = latest
                after = f"wave {wave}, round {number} of {'details' if is_detail else 'trainings'} or later"
                yield fault_at(line, "round", after, f"wave {record.wave}, round {record.round} of {record.kind}")
            latest = max(latest, place)


def _check_life(process: _Process) -> Iterator[Fault]:
    """A process is set up, trains, is judged, and shows its details; where it fails, that comes last."""
    kinds = [type(each) for _, each in process.records]
    for kind, name in (
        (Started, "started"),
        (Trained, "trained"),
        (Counted, "counted"),
        (Energy, "energy"),
        (Failed, "failed"),
    ):
        if kinds.count(kind) > 1:
            yield fault_at(process.line, process.name, f"one record {name!r}", kinds.count(kind))
    if kinds[0] not in (Started, Failed):
        yield fault_at(process.line, process.name, "'started' first", kinds[0].__name__.lower())
    if process.has_failed and kinds[-1] is not Failed:
        yield fault_at(process.records[-1][0], process.name, "nothing after 'failed'", kinds[-1].__name__.lower())
    if not process.has_failed and Trained not in kinds:
        yield fault_at(process.line, process.name, "'trained' or 'failed'", "neither")
    training = [block for _, block in process.blocks() if _is_first_training(block)]
    whole, num_steps = sum(block.num_steps for block in training), 0
    for line, each in process.records:
        if isinstance(each, Block):
            num_steps += each.num_steps if _is_first_training(each) else 0
        elif isinstance(each, Trained):
            if num_steps != whole or not num_steps:
                yield fault_at(line, process.name, "'trained' after the first whole training", "within it")
            yield from check_trained(each, line, process.case.count_losses(len(training)))


def _check_replicas(info: RunInfo, process: _Process) -> Iterator[Fault]:
    for line, each in process.records:
        if isinstance(each, Trained):
            seed = info.plan.seed + process.replicate
            yield from check_replicas(each, line, seed, process.case.num_replicas)


def _is_first_training(block: Block) -> bool:
    return block.kind == "train" and block.repetition == 0


def _check_rounds(info: RunInfo, process: _Process, kinds: dict[str, set[tuple[str, str | None]]]) -> Iterator[Fault]:
    is_apart = process.case not in info.plan.cases
    rounds: dict[tuple[str, str | None], list[int]] = {("train", None): []}
    for _, block in process.blocks():
        rounds.setdefault((block.kind, block.prefix), []).append(block.round)
    if not process.has_failed:
        # What a case shows of itself is the same in each of its processes.
        wanted = kinds.setdefault(process.case.name, set(rounds))
        if wanted != set(rounds):
            names = [" ".join(filter(None, each)) for each in sorted(wanted ^ set(rounds), key=str)]
            yield fault_at(process.line, process.name, "the kinds of blocks of its other processes", ", ".join(names))
    for (kind, prefix), numbers in rounds.items():
        planned = info.plan.num_rounds if kind == "train" else info.plan.num_detail_rounds
        count = None if process.has_failed else 1 if is_apart else planned
        name = " ".join(filter(None, ("rounds of", kind, prefix)))
        yield from check_numbers(f"{process.name}, {name}", numbers, count, process.line)


def _check_work(process: _Process) -> Iterator[Fault]:
    """Every whole training has the same steps, a whole number an epoch; every batch is as large as the others."""
    trainings: dict[int, int] = {}
    sizes: dict[bool, float] = {}
    for line, block in process.blocks():
        if block.kind == "train":
            trainings[block.repetition] = trainings.get(block.repetition, 0) + block.num_steps
        is_inference = block.kind == "inference"
        size = sizes.setdefault(is_inference, block.num_samples / block.num_steps)
        if not math.isclose(block.num_samples / block.num_steps, size):
            yield fault_at(
                line, "num_samples", f"{size:g} a step, as before", f"{block.num_samples / block.num_steps:g}"
            )
    if process.has_failed or not any(isinstance(each, Trained) for _, each in process.records):
        return
    yield from check_numbers(f"{process.name}, trainings", list(trainings), None, process.line)
    for number, num_steps in trainings.items():
        if num_steps != trainings.get(0) or num_steps % process.case.num_epochs:
            whole = f"{trainings.get(0)} steps, a whole number of them in {process.case.num_epochs} epochs"
            yield fault_at(process.line, f"{process.name}, training {number}", whole, f"{num_steps} steps")


def _check_times(process: _Process) -> Iterator[Fault]:
    """No step is shorter than its arithmetic, and no part of a block longer than it."""
    floor = next((each.floor_seconds for _, each in process.records if isinstance(each, Started)), None)
    for line, each in process.records:
        if isinstance(each, Started):
            if each.first_step_seconds is not None and each.first_step_seconds > each.compile_seconds * (1 + SLACK):
                within = f"at most compile_seconds, {each.compile_seconds!r}"
                yield fault_at(line, "first_step_seconds", within, repr(each.first_step_seconds))
        elif isinstance(each, Block):
            per_step = each.seconds / each.num_steps
            if floor and each.kind not in ("prefix", "inference") and per_step < floor:
                yield fault_at(line, "seconds", f"at least {floor!r} a step, as its arithmetic takes", repr(per_step))
            # A device with a queue of its own has clocks of its own.
            parts = each.phase_seconds if each.kind == "phases" and each.host_phase_seconds is None else None
            if parts and total(parts.values()) > each.seconds:
                whole = f"at most seconds, {each.seconds!r}, together"
                yield fault_at(line, "phase_seconds", whole, repr(sum(parts.values())))
