"""The tables of what a training costs: joules by counters, and money by the user's price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.judge.energy import ScopeEnergy
from bench.judge.results import CaseResult
from bench.judge.statistics import Summary
from bench.records.energy import SCOPES, Scope
from bench.render.table import Column, Table, Value
from bench.render.tables import CASE
from bench.render.units import number

_WORDS: dict[Scope, str] = {"card": "card", "cpu": "CPU"}
_NOT_MEASURED = "not measured"
_NOT_RESOLVED = "not resolved"
_NOTES = (
    "By counters alone: of the card, or of all packages of processors, whoever works there; memory beside them, fans "
    "and the power supply are not in it. A training: mean power while the case trained on, apart from the timing, "
    "times the time of as many steps; of replicas, of all together. Above idle: less what was drawn just before, while "
    "every worker waited.",
    "A counter has to move 100 times in both; else it is not measured. Not resolved: both differ by less than 1 % of "
    "their sum. Time a step over the timed: that of the steps while counters were watched, over that of the timed "
    "trainings; far from 1 the joules are of other conditions than the times.",
)


@dataclass(frozen=True, slots=True)
class _Figure:
    """A column: a field of what is known of a scope, and of what else it is a part."""

    name: str
    heading: str
    raw: str | None = None
    """The same with what is drawn idle in it."""
    is_detail: bool = False

    def make_column(self, scope: Scope) -> Column:
        heading = self.heading.format(_WORDS[scope])
        return Column(heading, f"{scope}_{self.name}", number, has_spread=True, is_detail=self.is_detail)

    def find(self, found: ScopeEnergy) -> Summary | None:
        figure: Summary | None = getattr(found, self.name)
        return figure


_FIGURES = (
    _Figure("training_joules", "{}\n(J a training)"),
    _Figure("training_joules_above_idle", "{} above\nidle (J)", "training_joules"),
    _Figure("samples_per_joule", "samples/J\nof {}"),
    _Figure("samples_per_joule_above_idle", "above\nidle", "samples_per_joule", is_detail=True),
    _Figure("watts", "{}\n(W)", is_detail=True),
    _Figure("idle_watts", "{}\nidle (W)", is_detail=True),
)


def make_energy_table(results: Sequence[CaseResult]) -> Table:
    """What every case draws; the card and the packages of processors apart, one of which nothing is known in brief."""
    energies = [result.energy for result in results]
    columns = [CASE]
    rows: list[tuple[Value, ...]] = [(result.case.name,) for result in results]
    for scope in SCOPES:
        found = [None if energy is None else energy.scopes.get(scope) for energy in energies]
        if any(found):
            figures = _FIGURES if any(each and each.watts for each in found) else _FIGURES[:1]
            columns += [each.make_column(scope) for each in figures]
            columns.append(Column(f"counter\nof {_WORDS[scope]}", f"{scope}_counters"))
            rows = [(*row, *_list_cells(each, figures)) for row, each in zip(rows, found, strict=True)]
    if any(energies):
        columns.append(Column("time a step\nover the timed", "step_time_ratio", number, is_detail=True))
        ratios = (None if energy is None else energy.step_time_ratio for energy in energies)
        rows = [(*row, ratio) for row, ratio in zip(rows, ratios, strict=True)]
    return Table("Energy", tuple(columns), tuple(rows), _NOTES)


def _list_cells(found: ScopeEnergy | None, figures: Sequence[_Figure]) -> list[Value]:
    if found is None:
        return [None] * (len(figures) + 1)
    return [*(each.find(found) or _say_why(each, found) for each in figures), found.counters]


def _say_why(figure: _Figure, found: ScopeEnergy) -> str:
    is_known_raw = figure.raw is not None and getattr(found, figure.raw) is not None
    return _NOT_RESOLVED if is_known_raw else _NOT_MEASURED


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
        "Time to train at the price that --price-per-hour says, in its currency; of replicas, of all together. Set-up, "
        "warm-up and what is paid for while nothing trains are not in it."
    )
    return Table("Money", columns, rows, (note,))
