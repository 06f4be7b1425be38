"""The report as one HTML file: nothing is fetched, nothing from data becomes markup, and without scripts all is shown.

Pictures are SVG, drawn when the page is made: they need no script, print well, and a viewer that forbids scripts (many
that show the artifacts of a CI job do) still shows them. With scripts, Vega draws those in sight anew from the same
specifications, so that they answer to the pointer; tables can be sorted and copied.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

import vl_convert
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from bench.errors import UsageError
from bench.judge.results import judge_run
from bench.records.collection import Collection
from bench.render.escape import for_terminal
from bench.render.page.headline import Judged, describe_collection, list_alarms
from bench.render.page.sections import list_sections
from bench.render.page.views import style_of

IN_FULL = (12, 6, 3, 1)
"""Runs, races, and sweeps, that have figures of their own: the first of these numbers with which the page fits."""
MAX_PAGE_BYTES = 6 * 10**6


def to_html_report(collection: Collection, _width: int) -> str:
    """Write the page.

    Raises:
        UsageError: when it gets too large.
    """
    judged = {stored.content: judge_run(stored.result) for stored in collection.runs}
    for max_in_full in IN_FULL:
        page = _fill(collection, judged, max_in_full)
        num_bytes = len(page.encode())
        if num_bytes <= MAX_PAGE_BYTES:
            return page
    raise UsageError(f"the page would have {num_bytes:,} bytes, more than {MAX_PAGE_BYTES:,}: name fewer runs")


def _fill(collection: Collection, judged: Judged, max_in_full: int) -> str:
    style = _read("page.css")
    scripts = [vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"), _read("page.js")]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_read("page.html")).render(
        policy=_make_policy(style, scripts),
        # Our own files, as they are: the policy above allows their digests and nothing else.
        style=Markup(style),  # noqa: S704
        scripts=list(map(Markup, scripts)),
        headline=[for_terminal(line) for line in describe_collection(collection, judged)],
        alarms=[for_terminal(line) for line in list_alarms(collection, judged)],
        sections=list(list_sections(collection, judged, max_in_full)),
        style_of=style_of,
    )


def _make_policy(style: str, scripts: Sequence[str]) -> str:
    return (
        f"default-src 'none'; style-src {_digest(style)}; script-src {' '.join(map(_digest, scripts))}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return files("bench.render.page").joinpath(name).read_text(encoding="utf-8")
