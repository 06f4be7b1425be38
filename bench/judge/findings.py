"""What a check is, what it looks at, and what it finds: data, which somebody else turns into sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.judge.results import CaseResult
from bench.records.conditions import Conditions
from bench.records.environment import Environment
from bench.records.run import Run

Seen = dict[str, float | str]
"""What was seen, by name; "case" where it is about one case."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a check may look at: a run with its results, or a machine on which nothing has been measured yet."""

    environment: Environment | None
    pairs: tuple[tuple[Conditions, Conditions | None], ...]
    """The machine before and after, for each wave; None where nobody looked afterwards."""
    num_threads: int = 1
    """The most that a case uses."""
    run: Run | None = None
    results: Sequence[CaseResult] = ()

    def count(self, read: Callable[[Conditions], float | None]) -> float | None:
        """Return how far a counter has moved over all waves; None where it was not read at both ends of any."""
        total = None
        for before, after in self.pairs:
            first, last = read(before), read(after) if after else None
            # A counter that runs backwards was set back: its difference means nothing.
            if first is not None and last is not None and last >= first:
                total = (total or 0.0) + last - first
        return total


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that may spoil a measurement: how it is found, why it comes about, what mends it.

    Args:
        find: yields what was seen, one item for each finding.
        remedy: a command or a change, with names of what was seen in braces.
        undo: what takes the remedy back; None where nothing outlives the command.
        is_advance_warning: whether it only may spoil a run, and so is said before one and not of one.
    """

    name: str
    find: Callable[[Evidence], Iterable[Seen]]
    cause: str
    remedy: str
    undo: str | None = None
    is_advance_warning: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found."""

    check: str
    case_name: str | None
    """None where it is about the machine."""
    seen: Seen
    cause: str
    remedy: str
    undo: str | None


def gather(run: Run, results: Sequence[CaseResult]) -> Evidence:
    """Gather the evidence of a run."""
    after = {each.wave: each for each in run.conditions if each.moment == "after"}
    return Evidence(
        environment=run.info.environment,
        pairs=tuple((each, after.get(each.wave)) for each in run.conditions if each.moment == "before"),
        num_threads=max(case.num_threads for case in run.info.plan.cases),
        run=run,
        results=results,
    )


def apply(check: Check, evidence: Evidence) -> list[Finding]:
    """Apply one check."""
    return [
        Finding(
            check=check.name,
            case_name=str(seen["case"]) if "case" in seen else None,
            seen=seen,
            cause=check.cause,
            remedy=check.remedy.format_map(seen),
            undo=None if check.undo is None else check.undo.format_map(seen),
        )
        for seen in check.find(evidence)
    ]
