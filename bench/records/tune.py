"""A tune: the settings of one workload that were tried, the heats that sifted them, and the race that confirmed one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from bench.records.case import Case, Index
from bench.records.journal import PositiveSeconds, Seconds, Text
from bench.records.plan import QualityMargin
from bench.records.race import MAX_ARMS, PositiveShare, Race, Share
from bench.records.run import Info

MAX_CANDIDATES = 500
StopReason = Literal["done", "interrupted"]


class TunePlan(Struct, frozen=True, kw_only=True):
    """What a tune sets out to do."""

    candidates: Annotated[tuple[Case, ...], Meta(min_length=1, max_length=MAX_CANDIDATES)]
    """The first is the default, which a winner has to be faster than; the others in the order in which they are
    tried."""
    workload: Text
    """What is measured, "module:name": called with the case and a seed."""
    budget_seconds: PositiveSeconds
    """Of trying, heats and confirmation; whole trainings for quality come on top."""
    alpha: PositiveShare
    dead_zone: Share
    margin: PositiveShare
    quality_margin: QualityMargin
    num_quality_seeds: Index
    seed: Index

    def __post_init__(self) -> None:
        names = [case.name for case in self.candidates]
        if len(set(names)) < len(names):
            raise ValueError("two candidates have the same name")


class TuneInfo(Info, frozen=True, kw_only=True):
    """The contents of `tune.json`, written once, before anything is measured."""

    plan: TunePlan


class Tried(Struct, tag="tried", frozen=True, kw_only=True):
    """A candidate was set up by itself: it runs, and this is what an epoch takes it, roughly; or it does not."""

    candidate: Index
    epoch_seconds: PositiveSeconds | None = None
    """None where it does not run."""
    kind: Literal["unavailable", "faulty", "crashed", "killed", "timed out", "rubbish"] | None = None
    reason: Text | None = None


class Heat(Struct, tag="heat", frozen=True, kw_only=True):
    """Candidates that are raced together; the race has a directory of its own."""

    number: Index
    stage: Index
    """Candidates of one stage are sifted together."""
    candidates: Annotated[tuple[Index, ...], Meta(min_length=2, max_length=MAX_ARMS)]
    """In the order of the arms: the first is what the others are paired with."""

    @property
    def directory_name(self) -> str:
        """Where its race lies."""
        return f"heat-{self.number + 1}"


class TuneEnded(Struct, tag="ended", frozen=True, kw_only=True):
    """The tune is over; one without it was killed."""

    reason: StopReason
    seconds: Seconds


TuneRecord = Tried | Heat | TuneEnded


@dataclass(frozen=True, slots=True)
class Tune:
    """A tune, in progress or read back."""

    info: TuneInfo
    tried: tuple[Tried, ...]
    heats: tuple[tuple[Heat, Race], ...]
    quality: Race | None = None
    """Whole trainings of the default and of those that the heats have left, in this order; nothing is raced."""
    confirmation: Race | None = None
    """The winner, the default and the runner-up, where there is one."""
    ended: TuneEnded | None = None
    warnings: tuple[str, ...] = ()

    def list_candidates(self, race: Race) -> list[int]:
        """Return which candidates the arms of a race are."""
        numbers = {case: number for number, case in enumerate(self.info.plan.candidates)}
        return [numbers[arm.case] for arm in race.info.plan.arms]


def sort_records(
    info: TuneInfo, records: Iterable[TuneRecord]
) -> tuple[tuple[Tried, ...], tuple[Heat, ...], TuneEnded | None]:
    """Sort records by what they are.

    Raises:
        ValueError: when one is of no candidate of the plan, or there twice.
    """
    kept = list(records)
    tried = tuple(each for each in kept if isinstance(each, Tried))
    heats = tuple(each for each in kept if isinstance(each, Heat))
    numbers = [each.candidate for each in tried]
    for number in (*numbers, *(number for heat in heats for number in heat.candidates)):
        if number >= len(info.plan.candidates):
            raise ValueError(f"a record is of candidate {number}, the plan has {len(info.plan.candidates)}")
    _check_once(numbers, "candidate")
    _check_once([heat.number for heat in heats], "heat")
    return tried, heats, next((each for each in kept if isinstance(each, TuneEnded)), None)


def _check_once(numbers: Sequence[int], what: str) -> None:
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"a {what} is there twice")
