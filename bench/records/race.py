"""A race: two or more arms, paired; what it set out to do, and what happened, one record each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from bench.records.case import Case, Count, Index, ShortName
from bench.records.journal import PositiveSeconds, Seconds, Text, Trained
from bench.records.plan import QUALITY_MARGIN, QualityMargin
from bench.records.run import Info

MAX_ARMS = 8
Share = Annotated[float, Meta(ge=0.0, lt=1.0)]
PositiveShare = Annotated[float, Meta(ge=1e-9, lt=1.0)]
StopReason = Literal["resolved", "budget", "hopeless", "trained", "failed", "interrupted"]
"""Trained: whole trainings were compared, and nothing was raced."""


Laps = tuple[tuple[Count, ...], ...]
"""For each epoch of a block, nanoseconds from one step to the next; together the block."""


class Source(Struct, frozen=True, kw_only=True):
    """Where an arm's code comes from, and what surrounds its process."""

    python: Text | None = None
    """Another interpreter; None is the one at hand."""
    revision: Text | None = None
    """The git commit whose tree is measured; None is the work tree at hand."""
    tree: Text | None = None
    """Another source tree; of a revision, where it was checked out for the race."""
    variables: dict[ShortName, Text] = {}
    """Environment variables of its own."""

    @property
    def interpreter(self) -> tuple[str | None, tuple[tuple[str, str], ...]]:
        """What two arms must have in common to be forked from one: the interpreter and its variables."""
        return self.python, tuple(sorted(self.variables.items()))


class Arm(Struct, frozen=True, kw_only=True):
    """One side of a race."""

    label: ShortName
    """"a" is what the others are held against, then "b", "c" and so on."""
    settings: Text
    """What the user said of it."""
    case: Case
    workload: Text
    """What is measured, "module:name": called with the case and a seed."""
    source: Source = Source()


class RacePlan(Struct, frozen=True, kw_only=True):
    """What a race sets out to do. All shares are of the first arm's time."""

    arms: Annotated[tuple[Arm, ...], Meta(min_length=2, max_length=MAX_ARMS)]
    budget_seconds: PositiveSeconds
    resolution: PositiveShare
    """The half-width of the interval at which the race ends."""
    alpha: PositiveShare
    """How often the interval may miss the true ratio."""
    dead_zone: Share
    """A difference within it is none that anybody would act on."""
    margin: PositiveShare
    """Up to it two arms count as the same."""
    quality_margin: QualityMargin = QUALITY_MARGIN
    num_quality_seeds: Index
    """How many whole trainings of each arm are compared, after the race and outside its budget."""
    shares_layout: bool
    """Whether all processes are forked from one, so that the result holds for its address layout alone."""
    seed: Index

    def __post_init__(self) -> None:
        if len({arm.label for arm in self.arms}) < len(self.arms):
            raise ValueError("two arms have one label")
        if self.margin < self.dead_zone:
            raise ValueError(f"the margin {self.margin} is within the dead zone {self.dead_zone}")

    @property
    def num_interpreters(self) -> int:
        """How many interpreters a pair needs."""
        return len({arm.source.interpreter for arm in self.arms})

    @property
    def can_share_layout(self) -> bool:
        """Whether all arms could be forked from the coordinator's own server: none has a source of its own."""
        return all(arm.source == Source() for arm in self.arms)


class RaceInfo(Info, frozen=True, kw_only=True):
    """The contents of `race.json`, written once, before anything is measured."""

    plan: RacePlan


class Seated(Struct, tag="seated", frozen=True, kw_only=True):
    """An arm's process of one pair has set up and waits for its turn."""

    pair: Index
    arm: Index
    load_seconds: Seconds
    """From its launch until it had imported everything; several load at a time."""
    setup_seconds: Seconds
    compile_seconds: Seconds
    pilot_epoch_seconds: PositiveSeconds
    torch_version: ShortName
    cores: tuple[Index, ...] | None = None
    """The CPUs that all arms of the pair share; None where a process can't be bound to any."""


class Round(Struct, tag="round", frozen=True, kw_only=True):
    """One timed block of the first arm and one of another, the first arm's first or in reverse."""

    pair: Index
    arm: Annotated[int, Meta(ge=1, lt=MAX_ARMS)]
    """The other arm."""
    round: Index
    """Counted for each other arm."""
    is_reversed: bool
    num_steps: Count
    """Of each block."""
    other_num_steps: Count | None = None
    """Of the other arm's block, where its batches are of another size: the same samples in another number of steps."""
    seconds: tuple[PositiveSeconds, PositiveSeconds]
    """Of the first arm's block, and of the other's."""
    laps: tuple[Laps, Laps] | None = None
    """Where the steps of both can be told apart: what they took."""
    disturbance: Text | None = None
    """What happened meanwhile that has nothing to do with either arm; the round then counts for nothing."""

    def __post_init__(self) -> None:
        if self.laps is not None:
            nums_laps = {len(epoch) for laps in self.laps for epoch in laps}
            if len(nums_laps) != 1 or 0 in nums_laps or () in self.laps:
                raise ValueError("the epochs of two blocks have not as many laps each, of one at least")


class Fallen(Struct, tag="fallen", frozen=True, kw_only=True):
    """An arm could not go on; the race ends."""

    pair: Index
    arm: Index
    kind: Literal["unavailable", "faulty", "crashed", "killed", "timed out", "rubbish"]
    stage: ShortName
    reason: Text


class RaceEnded(Struct, tag="race ended", frozen=True, kw_only=True):
    """The race is over; one without this record was killed."""

    reason: StopReason
    seconds: Seconds
    """Start-up and all, without the trainings for quality."""


RaceRecord = Seated | Round | Fallen | Trained | RaceEnded


@dataclass(frozen=True, slots=True)
class Race:
    """A stored race, read back."""

    info: RaceInfo
    seated: tuple[Seated, ...]
    rounds: tuple[Round, ...]
    trained: tuple[Trained, ...]
    """Whole trainings; the case of each is the label of its arm."""
    fallen: tuple[Fallen, ...]
    ended: RaceEnded | None
    warnings: tuple[str, ...] = ()


def assemble_race(info: RaceInfo, records: Iterable[RaceRecord], warnings: tuple[str, ...] = ()) -> Race:
    """Sort records by what they are.

    Raises:
        ValueError: when a record is of an arm that the plan lacks, or of laps that can't be compared.
    """
    kept = list(records)
    num_arms, labels = len(info.plan.arms), {arm.label for arm in info.plan.arms}
    nums_laps: dict[int, int | None] = {}
    for each in kept:
        if isinstance(each, Seated | Round | Fallen) and each.arm >= num_arms:
            raise ValueError(f"a record is of arm {each.arm}, the plan has {num_arms}")
        if isinstance(each, Round) and _count_laps(each) != nums_laps.setdefault(each.arm, _count_laps(each)):
            raise ValueError(f"the rounds of arm {each.arm} have not as many laps each")
        if isinstance(each, Trained) and each.case not in labels:
            raise ValueError(f"a training is of arm {each.case!r}, which the plan lacks")
    return Race(
        info=info,
        seated=tuple(each for each in kept if isinstance(each, Seated)),
        rounds=tuple(each for each in kept if isinstance(each, Round)),
        trained=tuple(each for each in kept if isinstance(each, Trained)),
        fallen=tuple(each for each in kept if isinstance(each, Fallen)),
        ended=next((each for each in kept if isinstance(each, RaceEnded)), None),
        warnings=warnings,
    )


def _count_laps(timed: Round) -> int | None:
    """Return how many an epoch has; None where none were taken."""
    return None if timed.laps is None else len(timed.laps[0][0])
