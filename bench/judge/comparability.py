"""Whether runs may be compared: what has to agree, what is not known, and what differs besides."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import msgspec

from bench.records.case import Case
from bench.records.environment import Environment, Identity, Recorded
from bench.records.run import Run

IDENTITY_FIELDS = Identity.__struct_fields__
_MUST_BE_KNOWN = ("cpu_model", "torch_version")
"""Where one of these was not recorded nothing says that two machines are alike. Others may be missing from a run of an
older version, and are then only said to be unchecked. The accelerators are one more, where a case runs on one."""

_LONGEST = 60
"""Characters of a value that are shown; a longer one is cut around where it begins to differ."""

NOT_RECORDED = "not recorded"


def _by_times(factor: float) -> Callable[[float, float], bool]:
    return lambda base, head: head >= factor * base or base >= factor * head


def _by(step: float) -> Callable[[float, float], bool]:
    return lambda base, head: abs(head - base) >= step


_MOVES_BY_ITSELF: dict[str, Callable[[float, float], bool]] = {
    # No two runs agree in these. What is more than a machine at rest does by itself is a suspect.
    "cpu_frequency_hertz": _by_times(1.1),
    "cpu_temperature_celsius": _by(10),
    "load_average_1_minute": _by(1),
    "num_processes": _by_times(2),
    "memory_available_bytes": _by_times(2),
    # The kernel's share changes from one start to the next.
    "memory_bytes": _by_times(1.02),
}


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field in which two sides differ, with the value of each in short."""

    field: str
    base: str
    head: str


@dataclass(frozen=True, slots=True)
class Comparability:
    """What stands between two sides, by fields."""

    conflicts: tuple[FieldDifference, ...]
    """What has to agree and does not, or can't be shown to."""
    unchecked: tuple[str, ...]
    """Fields of identity that one side recorded and the other did not."""
    suspects: tuple[FieldDifference, ...]
    """What differs and is only recorded."""


def check_comparability(base: Sequence[Run], head: Sequence[Run]) -> Comparability:
    """Check all runs of both sides against each other; two runs of one side that differ are a conflict as well."""
    conflicts, unchecked = _compare_identities(base, head)
    return Comparability((*compare_plans(base, head), *conflicts), unchecked, _find_suspects(base, head))


def compare_plans(
    base: Sequence[Run], head: Sequence[Run], name_of: Callable[[Case], str] = lambda case: case.name
) -> tuple[FieldDifference, ...]:
    """Compare the work that was asked for; of each field that differs the first place where it does is shown.

    Args:
        name_of: what makes two cases the same work.
    """
    conflicts = []
    for field, list_facts in _PLAN_FACTS.items():
        ours, theirs = (_gather(list_facts(run, name_of) for run in runs) for runs in (base, head))
        places = [place for place in {**ours, **theirs} if len(ours.get(place, set()) | theirs.get(place, set())) > 1]
        if places:
            shown = [" or ".join(sorted(each.get(places[0], {NOT_RECORDED}))) for each in (ours, theirs)]
            conflicts.append(FieldDifference(field, *(f"{value} ({places[0]})" for value in shown)))
    return tuple(conflicts)


def _gather(facts_of_runs: Iterable[Iterable[tuple[str, str]]]) -> dict[str, set[str]]:
    """Gather what all runs say: place -> the values there."""
    gathered: dict[str, set[str]] = {}
    for place, value in chain.from_iterable(facts_of_runs):
        gathered.setdefault(place, set()).add(value)
    return gathered


def _list_epochs(run: Run, name_of: Callable[[Case], str]) -> Iterator[tuple[str, str]]:
    return ((name_of(case), str(case.num_epochs)) for case in run.info.plan.cases)


def _list_digests(run: Run, name_of: Callable[[Case], str]) -> Iterator[tuple[str, str]]:
    """List the bytes that each seed trained on; more epochs are more bytes, and so another place."""
    for each in run.measurements:
        if each.trained is not None and each.case.workload is None:
            seed = run.info.plan.seed + each.replicate
            yield f"seed {seed} of {name_of(each.case)}, {each.case.num_epochs} epochs", each.trained.digest[:12]


def _list_schemas(run: Run, _name_of: Callable[[Case], str]) -> Iterator[tuple[str, str]]:
    yield "of the run", str(run.info.schema)


def _list_workloads(run: Run, name_of: Callable[[Case], str]) -> Iterator[tuple[str, str]]:
    for case in run.info.plan.cases:
        if case.workload is not None:
            yield f"the file of {name_of(case)}", case.workload.digest[:12]


_PLAN_FACTS = {"epochs": _list_epochs, "workload": _list_workloads, "digest": _list_digests, "schema": _list_schemas}
PLAN_FIELDS = tuple(_PLAN_FACTS)
"""What the work itself has to agree in."""


def _compare_identities(
    base: Sequence[Run], head: Sequence[Run]
) -> tuple[tuple[FieldDifference, ...], tuple[str, ...]]:
    uses_accelerator = any(case.device != "cpu" for run in (*base, *head) for case in run.info.plan.cases)
    needed = _list_needed(uses_accelerator)
    conflicts, unchecked = [], []
    for field in IDENTITY_FIELDS:
        ours, theirs = ([_identity_of(run, field) for run in runs] for runs in (base, head))
        known = _distinct(value for value in (*ours, *theirs) if value is not None)
        is_missing = None in ours or None in theirs
        if len(known) > 1 or (is_missing and field in needed):
            conflicts.append(_show(field, ours, theirs))
        elif is_missing and known:
            unchecked.append(field)
    return tuple(conflicts), tuple(unchecked)


def digest_identity(environment: Environment | None, case: Case) -> str | None:
    """Return what is equal where everything is that must agree; None where what has to be known was not recorded.

    Stricter than `check_comparability`: what is recorded on one side alone makes another identity.
    """
    if environment is None or any(
        getattr(environment.identity, field) is None for field in _list_needed(case.device != "cpu")
    ):
        return None
    work = "" if case.workload is None else case.workload.digest
    return hashlib.sha256(msgspec.json.encode(environment.identity, order="sorted") + work.encode()).hexdigest()


def _list_needed(uses_accelerator: bool) -> tuple[str, ...]:
    return (*_MUST_BE_KNOWN, *(["accelerators"] if uses_accelerator else []))


def _identity_of(run: Run, field: str) -> object:
    return getattr(run.info.environment.identity, field) if run.info.environment else None


def _find_suspects(base: Sequence[Run], head: Sequence[Run]) -> tuple[FieldDifference, ...]:
    suspects = []
    for field in Recorded.__struct_fields__:
        ours, theirs = ([_recorded_of(run, field) for run in runs] for runs in (base, head))
        if field in _MOVES_BY_ITSELF:
            before, after = (_middle(values) for values in (ours, theirs))
            if before is not None and after is not None and _MOVES_BY_ITSELF[field](before, after):
                suspects.append(_show(field, [before], [after]))
        elif _keys(ours) != _keys(theirs):
            suspects.append(_show(field, ours, theirs))
    return tuple(suspects)


def _recorded_of(run: Run, field: str) -> object:
    return getattr(run.info.environment.recorded, field) if run.info.environment else None


def _middle(values: Sequence[object]) -> float | None:
    numbers = [value for value in values if isinstance(value, int | float)]
    return statistics.median(numbers) if numbers else None


def _distinct(values: Iterable[object]) -> list[object]:
    return list({msgspec.json.encode(value, order="sorted"): value for value in values}.values())


def _keys(values: Sequence[object]) -> set[bytes]:
    return {msgspec.json.encode(value, order="sorted") for value in values}


def _show(field: str, base: Sequence[object], head: Sequence[object]) -> FieldDifference:
    """Show the values of both sides, of a set of names only those in which they differ."""
    ours, theirs = (_distinct(values) for values in (base, head))
    values = [*ours, *theirs]
    mappings = [value for value in values if isinstance(value, dict)]
    if mappings:
        names = sorted({name for each in mappings for name in each})
        differing = [name for name in names if len({each.get(name) for each in mappings}) > 1] or names
        texts = {id(value): _show_mapping(value, differing) for value in mappings}
    else:
        texts = {}
    known = [texts.get(id(value)) or _as_text(value) for value in values]
    start = _first_difference([text for text in known if text != NOT_RECORDED])
    shown = [_cut(text, start) for text in known]
    return FieldDifference(field, " or ".join(sorted(shown[: len(ours)])), " or ".join(sorted(shown[len(ours) :])))


def _show_mapping(mapping: Mapping[object, object], names: Sequence[object]) -> str:
    return ", ".join(f"{name}={mapping[name]}" if name in mapping else f"{name} unset" for name in names)


def _as_text(value: object) -> str:
    if value is None:
        return NOT_RECORDED
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.6g}"
    return msgspec.json.encode(value).decode()


def _first_difference(texts: Sequence[str]) -> int:
    """Return the place at which texts begin to differ; 0 where they don't."""
    return next((place for place, letters in enumerate(zip(*texts, strict=False)) if len(set(letters)) > 1), 0)


def _cut(text: str, start: int) -> str:
    if len(text) <= _LONGEST:
        return text
    begin = min(max(0, start - 15), len(text) - _LONGEST)
    return f"{'...' if begin else ''}{text[begin : begin + _LONGEST]}{'...' if begin + _LONGEST < len(text) else ''}"
