"""A plan: what a run sets out to measure."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from bench.records.case import Case, Index, Name

MAX_CASES = 1_000
MAX_REPLICATES = 1_000
"""A slip of the finger ends here, not after days: so many take the smallest suite over eight hours."""
MAX_ROUNDS = 1_000
NUM_ROUNDS = 12
"""Visits to every case while it trains. Twelve has many divisors: trainings of different speeds can be cut into 12, 6,
4, 3, 2 or 1 blocks and still all have the same number of rounds."""

NUM_DETAIL_ROUNDS = 10
"""Visits to every case after its training, for phases and inference."""

QualityMargin = Annotated[float, Meta(gt=1.0, le=1e15)]
QUALITY_MARGIN = 1.25
"""How many times the reference's held-out MSE, or one in how many of it, is still as good."""


class Plan(Struct, frozen=True, kw_only=True):
    """Cases, how often each is measured in a fresh process, and from which seed; the first case is the baseline."""

    suite: Name
    cases: Annotated[tuple[Case, ...], Meta(min_length=1, max_length=MAX_CASES)]
    num_replicates: Annotated[int, Meta(ge=1, le=MAX_REPLICATES)]
    seed: Index
    num_rounds: Annotated[int, Meta(ge=1, le=MAX_ROUNDS)] = NUM_ROUNDS
    num_detail_rounds: Annotated[int, Meta(ge=0, le=MAX_ROUNDS)] = NUM_DETAIL_ROUNDS
    reference: Case | None = None
    """The CPU float32 reference, whose quality is the measure of the others'. Where it is none of the cases, its seeds
    are trained before anything is timed, and its records are no case's. None in a run that has none."""
    quality_margin: QualityMargin = QUALITY_MARGIN
    rungs: tuple[Name, ...] = ()
    """Of a ladder: the names of its cases in the order in which it climbs them, device by device."""
    measures_energy: bool = False
    """Whether counters of energy are read for each case, after its trainings."""

    def __post_init__(self) -> None:
        names = [case.name for case in self.cases]
        if len(set(names)) < len(names):
            raise ValueError("two cases have the same name")
        if self.reference is not None and self.reference not in self.cases and self.reference.name in names:
            raise ValueError("the reference has the name of a case and is another")
        if self.rungs and sorted(self.rungs) != sorted(names):
            raise ValueError("the rungs of a ladder are its cases, each once")

    @property
    def baseline(self) -> Case:
        """The case that the others are divided by."""
        return self.cases[0]

    @property
    def trains_reference_apart(self) -> bool:
        """Whether the reference is none of the cases."""
        return self.reference is not None and self.reference not in self.cases
