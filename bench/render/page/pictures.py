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
from bench.judge.sweep import judge_sweep
from bench.records.collection import Collection
from bench.records.stored import StoredRace, StoredRun, StoredSweep
from bench.render.escape import for_picture
from bench.render.page.charts import draw, specify
from bench.render.page.curves import list_sweep_figures, make_narrowing
from bench.render.page.figure import Figure
from bench.render.page.figures import list_throughput_of_runs, make_ladder
from bench.render.page.machines import compare_runs
from bench.render.race import describe_race
from bench.render.summary import advise, describe_run
from bench.render.sweep import describe_sitting, describe_sweep
from bench.render.sweep_words import axis_word

_WIDTH = 640
_LINE = 96
"""Letters of a line below the title."""
_MAX_LINES = 9
_PIXELS = 2
"""Of a picture, for each of a screen of ordinary density."""


def to_png(collection: Collection, _width: int) -> bytes:
    """Draw the one picture that says most of what was named."""
    return vl_convert.vegalite_to_png(_specify_picture(collection), scale=_PIXELS, allowed_base_urls=[])


def to_svg(collection: Collection, _width: int) -> str:
    """Draw the same picture as SVG."""
    return _to_svg(_specify_picture(collection))


def list_left_out(collection: Collection) -> list[str]:
    """Say what of a collection the one picture does not show."""
    races = collection.races if collection.runs else collection.races[1:]
    sweeps = collection.sweeps if collection.runs or collection.races else collection.sweeps[1:]
    paths = [*(each.path for each in races), *(each.path for each in sweeps)]
    return [
        *(f"{path} is left out: one picture shows runs, one race or one sweep" for path in paths),
        *(f"{each.path} is left out: it was measured by {each.measured_by}" for each in collection.foreign),
    ]


def to_inline_svg(specification: dict[str, Any]) -> Markup:
    """Draw a figure for the page, whose colours it takes on."""
    return Markup(_to_svg(specification))  # noqa: S704 - text from elsewhere was escaped when it was drawn


def _specify_picture(collection: Collection) -> dict[str, Any]:
    """Choose the picture: the modes of a run, the runs beside each other, a race or a sweep.

    Raises:
        IncompleteError: when nothing of it was measured.
    """
    if len(collection.runs) == 1:
        title, lines, figures = _picture_run(collection.runs[0])
    elif collection.runs:
        title, lines, figures = _picture_runs(collection.runs)
    elif collection.races:
        title, lines, figures = _picture_race(collection.races[0])
    elif collection.sweeps:
        title, lines, figures = _picture_sweep(collection.sweeps[0])
    else:
        raise IncompleteError("there is no picture of what other tools measured alone: it is ranked with nothing")
    shown = [figure for figure in figures if figure.table.says_something]
    if not shown:
        raise IncompleteError("there is no picture of what was not measured: no case, race or sweep has a result")
    folded = [part for line in lines for part in textwrap.wrap(for_picture(line), _LINE)]
    if len(folded) > _MAX_LINES:
        folded[_MAX_LINES:] = ["..."]
    charts = [draw(figure, _WIDTH) for figure in shown]
    heading = alt.TitleParams(text=for_picture(title), subtitle=folded)
    return specify(alt.vconcat(*charts, spacing=24).properties(title=heading), background="white")


def _picture_run(stored: StoredRun) -> tuple[str, list[str], list[Figure]]:
    results = judge_run(stored.result)
    lines = [*describe_run(stored.result), advise(results)]
    return "Samples a second, by mode", lines, [make_ladder(results)]


def _picture_runs(runs: Sequence[StoredRun]) -> tuple[str, list[str], list[Figure]]:
    machines = compare_runs(runs)
    figure = Figure("runs", list_throughput_of_runs(machines.times))
    return (
        f"Samples a second in {len(machines.names)} runs, by mode",
        [figure.table.notes[0], *machines.lines],
        [figure],
    )


def _picture_race(stored: StoredRace) -> tuple[str, list[str], list[Figure]]:
    contrasts = judge_race(stored.result)
    lines = [line.strip() for line in describe_race(stored.result, contrasts) if line]
    figures = [make_narrowing(stored.result, each) for each in contrasts]
    return "Time ratio of a race, pair by pair", lines, figures


def _picture_sweep(stored: StoredSweep) -> tuple[str, list[str], list[Figure]]:
    plan, result = stored.result.info.plan, judge_sweep(stored.result)
    lines = [*describe_sitting(stored.result), *describe_sweep(stored.result, result)]
    return f"Time of a step over {axis_word(plan)}", lines, list_sweep_figures(plan, result)


def _to_svg(specification: dict[str, Any]) -> str:
    return vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
