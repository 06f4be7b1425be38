"""The tables of what a training costs: joules by counters, and money by the user's price."""

from __future__ import annotations

from collections.abc import Sequence

from bench.judge.energy import CaseEnergy
from bench.judge.results import CaseResult
from bench.judge.statistics import Summary
from bench.records.energy import SCOPES, Scope
from bench.render.table import Column, Table, Value
from bench.render.tables import CASE
from bench.render.units import number

_HEADINGS: dict[Scope, str] = {"card": "card", "cpu": "CPU"}
_NOT_MEASURED = "not measured"
_NOT_RESOLVED = "not resolved"
_NOTES = (
    "By counters alone: of the card, or of all packages of processors, whoever works there; memory beside them, fans "
    "and the power supply are not in it. A training: mean power while the case trained on, apart from the timing, "
    "times the time of as many steps. Above idle: less what was drawn just before, while every worker waited.",
    "A counter has to move 100 times in both; else it is not measured. Not resolved: no more was drawn than idle. "
    "Time a step over the timed: that of the steps while counters were watched, over that of the timed trainings; far "
    "from 1 the joules are of other conditions than the times.",
)


def make_energy_table(results: Sequence[CaseResult]) -> Table:
    """What every case draws; the card and the packages of processors apart."""
    scopes = [scope for scope in SCOPES if any(each.energy and scope in each.energy.scopes for each in results)]
    columns = (CASE, *(column for scope in scopes for column in _make_columns(scope)))
    rows = tuple(
        (result.case.name, *(cell for scope in scopes for cell in _list_cells(result.energy, scope)))
        for result in results
    )
    if scopes:
        pace = Column("time a step\nover the timed", "step_time_ratio", number, is_detail=True)
        columns = (*columns, pace)
        rows = tuple(
            (*row, result.energy.step_time_ratio if result.energy else None)
            for row, result in zip(rows, results, strict=True)
        )
    return Table("Energy", columns, rows, _NOTES)


def _make_columns(scope: Scope) -> tuple[Column, ...]:
    word = _HEADINGS[scope]
    return (
        Column(f"{word}\n(J a training)", f"{scope}_training_joules", number, has_spread=True),
        Column(f"{word} above\nidle (J)", f"{scope}_training_joules_above_idle", number, has_spread=True),
        Column(f"samples/J\nof {word}", f"{scope}_samples_per_joule", number, has_spread=True),
        Column("above\nidle", f"{scope}_samples_per_joule_above_idle", number, has_spread=True, is_detail=True),
        Column(f"{word}\n(W)", f"{scope}_watts", number, has_spread=True, is_detail=True),
        Column(f"{word}\nidle (W)", f"{scope}_idle_watts", number, has_spread=True, is_detail=True),
        Column(f"counter\nof {word}", f"{scope}_counters"),
    )


def _list_cells(energy: CaseEnergy | None, scope: Scope) -> tuple[Value, ...]:
    found = energy.scopes.get(scope) if energy is not None else None
    if found is None:
        return (None,) * 7
    return (
        found.training_joules or _NOT_MEASURED,
        found.training_joules_above_idle or _say_why(found.training_joules),
        found.samples_per_joule or _NOT_MEASURED,
        found.samples_per_joule_above_idle or _say_why(found.samples_per_joule),
        found.watts or _NOT_MEASURED,
        found.idle_watts or _NOT_MEASURED,
        found.counters,
    )


def _say_why(raw: Summary | None) -> str:
    return _NOT_MEASURED if raw is None else _NOT_RESOLVED


def make_money_table(results: Sequence[CaseResult]) -> Table:
    """What every case costs at the price that the user has named; nothing but names where there is none."""
    columns: tuple[Column, ...] = (CASE,)
    rows: tuple[tuple[Value, ...], ...] = tuple((result.case.name,) for result in results)
    if any(result.price_per_hour for result in results):
        columns += (
            Column("price\nan hour", "price_per_hour", number),
            Column("a training", "training_money", number, has_spread=True),
            Column("1,000\ntrainings", "thousand_trainings_money", number),
        )
        rows = tuple(
            (result.case.name, result.price_per_hour, money, None if money is None else 1_000 * money.median)
            for result in results
            for money in [result.training_money]
        )
    note = (
        "Time to train at the price that --price-per-hour says, in its currency; set-up, warm-up and what is paid for "
        "while nothing trains are not in it."
    )
    return Table("Money", columns, rows, (note,))
