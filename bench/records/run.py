"""A run: what was asked, where, and all that was measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bench.records.case import Case
from bench.records.conditions import Conditions
from bench.records.environment import Environment
from bench.records.journal import Block, BlockKind, Counted, Ended, Energy, Failed, Record, Started, Text, Trained
from bench.records.plan import Plan
from bench.records.price import Prices
from bench.records.rates import Rates

SCHEMA = 1
"""Version of `run.json` and `samples.jsonl`. History: 1 is the first. What is only added (conditions of a machine, a
ladder's rates and counts, energy, prices) leaves it as it is: what was written before means what it meant."""


class Info(Struct, frozen=True, kw_only=True):
    """What stands at the head of everything that is measured."""

    schema: Annotated[int, Meta(ge=1, le=SCHEMA)] = SCHEMA
    started_at: Text
    """UTC, ISO 8601."""
    label: Text | None = None
    command: Text
    environment: Environment | None = None


class RunInfo(Info, frozen=True, kw_only=True):
    """The contents of `run.json`, written once, before anything is measured."""

    plan: Plan
    prices: Prices = {}


@dataclass(frozen=True, slots=True)
class Measurement:
    """All that one process measured of one case."""

    case: Case
    replicate: int
    wave: int
    started: Started | None
    blocks: tuple[Block, ...]
    trained: Trained | None
    failed: Failed | None
    counted: Counted | None = None
    energy: Energy | None = None

    def blocks_of(self, kind: BlockKind) -> list[Block]:
        """Return the blocks of one kind, in their order."""
        return [block for block in self.blocks if block.kind == kind]

    def whole_trainings(self) -> list[list[Block]]:
        """Return the blocks of each training that ran from start to end, in the order of their rounds."""
        if self.trained is None:
            return []
        trainings: dict[int, list[Block]] = {}
        for block in sorted(self.blocks_of("train"), key=lambda block: block.round):
            trainings.setdefault(block.repetition, []).append(block)
        num_steps = {number: sum(block.num_steps for block in blocks) for number, blocks in trainings.items()}
        whole = max(num_steps.values(), default=0)
        return [blocks for number, blocks in trainings.items() if num_steps[number] == whole]

    def training_seconds(self) -> list[float]:
        """Time of each training that ran from start to end: the sum of its blocks."""
        return [sum(block.seconds for block in blocks) for blocks in self.whole_trainings()]


@dataclass(frozen=True, slots=True)
class Run:
    """A stored run, read back."""

    info: RunInfo
    measurements: tuple[Measurement, ...]
    ended: Ended | None
    warnings: tuple[str, ...] = ()
    conditions: tuple[Conditions, ...] = ()
    """Of the machine, before the first and after the last round of each wave."""
    rates: tuple[Rates, ...] = ()
    """What its devices did at most, before each wave of a ladder."""

    @property
    def is_complete(self) -> bool:
        """Whether it came to its planned end; failed cases do not change that."""
        return self.ended is not None and self.ended.is_complete

    def measurements_of(self, case: Case) -> list[Measurement]:
        """Return the measurements of a case, or of the reference, one for each replicate and wave."""
        return [measurement for measurement in self.measurements if measurement.case == case]


def reprice(run: Run, prices: Prices) -> Run:
    """Return a run at other prices; at its own where none are named."""
    return replace(run, info=msgspec.structs.replace(run.info, prices=prices or run.info.prices))


def assemble_run(info: RunInfo, records: Iterable[Record], warnings: tuple[str, ...] = ()) -> Run:
    """Sort records into measurements.

    A reference that is none of the cases has measurements of its own, which no table and no speedup looks at.

    Raises:
        KeyError: when a record names a case that the plan lacks.
    """
    references = [] if info.plan.reference is None else [info.plan.reference]
    cases = {case.name: case for case in (*info.plan.cases, *references)}
    ended: Ended | None = None
    conditions: list[Conditions] = []
    rates: list[Rates] = []
    groups: dict[tuple[int, int, str], list[Started | Block | Trained | Counted | Energy | Failed]] = {}
    for record in records:
        if isinstance(record, Ended):
            ended = record
        elif isinstance(record, Conditions):
            conditions.append(record)
        elif isinstance(record, Rates):
            rates.append(record)
        else:
            groups.setdefault((record.wave, record.replicate, record.case), []).append(record)
    measurements = tuple(
        Measurement(
            case=cases[name],
            replicate=replicate,
            wave=wave,
            started=next((record for record in group if isinstance(record, Started)), None),
            blocks=tuple(record for record in group if isinstance(record, Block)),
            trained=next((record for record in group if isinstance(record, Trained)), None),
            failed=next((record for record in group if isinstance(record, Failed)), None),
            counted=next((record for record in group if isinstance(record, Counted)), None),
            energy=next((record for record in group if isinstance(record, Energy)), None),
        )
        for (wave, replicate, name), group in groups.items()
    )
    return Run(info, measurements, ended, warnings, tuple(conditions), tuple(rates))
