"""Where runs and races were measured: every fact that was recorded, those that differ first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.judge.comparability import IDENTITY_FIELDS, NOT_RECORDED
from bench.records.environment import Environment
from bench.render.doctor import describe_environment
from bench.render.summary import UNKNOWN
from bench.render.table import Column, Table, Value

MAX_VALUES = 6
"""Of one fact: what is another in every run says little of a machine. As many names are shown."""
DIFFERENCES = "What differs"


def make_environment_tables(environments: Mapping[str, Environment | None]) -> list[Table]:
    """Lay out what differs, and what is the same in all.

    Args:
        environments: name of a run or race -> where it was measured.
    """
    facts = {name: dict(describe_environment(each)) if each else {} for name, each in environments.items()}
    fields = dict.fromkeys(field for each in facts.values() for field in each)
    differing: list[tuple[Value, ...]] = []
    shared: list[tuple[Value, ...]] = []
    for field in fields:
        groups: dict[str, list[str]] = {}
        for name, each in facts.items():
            groups.setdefault(each.get(field, NOT_RECORDED), []).append(name)
        must_agree = "yes" if field in IDENTITY_FIELDS else "no"
        if len(groups) > 1:
            marked = must_agree.replace("yes", "yes, but differs")
            differing += [(field, marked, *each) for each in _list_values(groups)]
        elif UNKNOWN not in groups:
            shared.append((field, must_agree, next(iter(groups))))
    columns = (Column("fact", "field"), Column("must agree", "must_agree"), Column("value", "value"))
    where = Column("runs", "runs")
    note = "Must agree: bench.compare refuses two runs that differ in it. What else differs is a suspect."
    tables = [Table(DIFFERENCES, (*columns, where), tuple(differing), (note,))] if differing else []
    title = "The same in all" if len(environments) > 1 else "Environment"
    return [*tables, Table(title, columns, tuple(shared), () if differing else (note,))]


def _list_values(groups: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str | None]]:
    for value, names in list(groups.items())[:MAX_VALUES]:
        others = f" and {len(names) - MAX_VALUES} more" if len(names) > MAX_VALUES else ""
        yield value, ", ".join(names[:MAX_VALUES]) + others
    if len(groups) > MAX_VALUES:
        yield f"and {len(groups) - MAX_VALUES} more values", None
