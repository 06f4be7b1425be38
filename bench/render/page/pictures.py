"""Figures as pictures: within the page, and in files for a README or a slide. No browser draws them, and no network."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup

from bench.errors import IncompleteError
from bench.judge.race import judge_race
from bench.judge.results import judge_run
from bench.records.collection import Collection, StoredRace
from bench.records.side import StoredRun
from bench.render.escape import for_terminal
from bench.render.page.charts import draw, specify
from bench.render.page.figures import Figure, list_runs, make_ladder, make_narrowing
from bench.render.page.machines import compare_runs
from bench.render.race import describe_race
from bench.render.summary import advise, describe_run

_WIDTH = 640
_LINE = 96
"""Letters of a line below the title."""
_MAX_LINES = 6
_PIXELS = 2
"""Of a picture, for each of a screen of ordinary density."""


def to_png(collection: Collection, _width: int) -> bytes:
    """Draw the one picture that says most of what was named."""
    return vl_convert.vegalite_to_png(_specify_picture(collection), scale=_PIXELS, allowed_base_urls=[])


def to_svg(collection: Collection, _width: int) -> str:
    """Draw the same picture as SVG."""
    return _to_svg(_specify_picture(collection))


def to_inline_svg(figure: Figure) -> Markup:
    """Draw a figure for the page, whose colours it takes on."""
    return Markup(_to_svg(specify(draw(figure))))  # noqa: S704 - text from elsewhere was escaped when it was drawn


def _specify_picture(collection: Collection) -> dict[str, Any]:
    """Choose the picture: the modes of a run, the runs beside each other, or the races.

    Raises:
        IncompleteError: when nothing of it was measured.
    """
    if len(collection.runs) == 1:
        title, lines, figures = _picture_run(collection.runs[0])
    elif collection.runs:
        title, lines, figures = _picture_runs(collection.runs)
    else:
        title, lines, figures = _picture_races(collection.races)
    shown = [figure for figure in figures if figure.table.says_something]
    if not shown:
        raise IncompleteError("there is no picture of what was not measured: no case and no race has a result")
    folded = [part for line in lines for part in textwrap.wrap(for_terminal(line), _LINE)]
    charts = [draw(figure, _WIDTH) for figure in shown]
    heading = alt.TitleParams(text=for_terminal(title), subtitle=folded[:_MAX_LINES])
    return specify(alt.vconcat(*charts, spacing=24).properties(title=heading), background="white")


def _picture_run(stored: StoredRun) -> tuple[str, list[str], list[Figure]]:
    results = judge_run(stored.run)
    lines = [*describe_run(stored.run), advise(results)]
    return "Samples a second, by mode", lines, [make_ladder(results)]


def _picture_runs(runs: Sequence[StoredRun]) -> tuple[str, list[str], list[Figure]]:
    machines = compare_runs(runs)
    figure = Figure("runs", list_runs(machines.times))
    return f"Samples a second in {len(machines.names)} runs, by mode", [figure.table.notes[0], *machines.lines], [figure]


def _picture_races(races: Sequence[StoredRace]) -> tuple[str, list[str], list[Figure]]:
    """Draw the first race; a picture of several would need a page."""
    race = races[0].race
    contrasts = judge_race(race)
    lines = [line.strip() for line in describe_race(race, contrasts) if line]
    others = [f"The first of {len(races)} races."] if len(races) > 1 else []
    return "Time ratio of a race, pair by pair", [*others, *lines], [make_narrowing(race, each) for each in contrasts]


def _to_svg(specification: dict[str, Any]) -> str:
    return vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
