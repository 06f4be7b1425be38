"""A plan: what a run sets out to measure."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from bench.records.case import Case, Count, Index, Name

NUM_ROUNDS = 12
"""Visits to every case while it trains. Twelve has many divisors: trainings of different speeds can be cut into 12, 6,
4, 3, 2 or 1 blocks and still all have the same number of rounds."""

NUM_DETAIL_ROUNDS = 10
"""Visits to every case after its training, for phases and inference."""


class Plan(Struct, frozen=True, kw_only=True):
    """Cases, how often each is measured in a fresh process, and from which seed; the first case is the baseline."""

    suite: Name
    cases: Annotated[tuple[Case, ...], Meta(min_length=1, max_length=10_000)]
    num_replicates: Count
    seed: Index
    num_rounds: Count = NUM_ROUNDS
    num_detail_rounds: Count = NUM_DETAIL_ROUNDS

    def __post_init__(self) -> None:
        names = [case.name for case in self.cases]
        if len(set(names)) < len(names):
            raise ValueError("two cases have the same name")

    @property
    def baseline(self) -> Case:
        """The case that the others are divided by."""
        return self.cases[0]
