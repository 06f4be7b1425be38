"""The report as one HTML file: nothing is fetched, nothing from data becomes markup, and without scripts all is shown.

Pictures are SVG, drawn when the page is made: they need no script, print well, and a viewer that forbids scripts (many
that show the artifacts of a CI job do) still shows them. What a script adds is sorting, copying, and the theme.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from bench.judge.results import judge_run
from bench.records.collection import Collection
from bench.render.escape import for_terminal
from bench.render.page.headline import describe_collection, list_alarms
from bench.render.page.sections import list_sections
from bench.render.page.views import style_of


def to_html_report(collection: Collection, _width: int) -> str:
    """Write the page."""
    judged = {stored.content: judge_run(stored.run) for stored in collection.runs}
    style, script = _read("page.css"), _read("page.js")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_read("page.html")).render(
        policy=_make_policy(style, script),
        # Our own files, as they are: the policy above allows their digests and nothing else.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        headline=[for_terminal(line) for line in describe_collection(collection, judged)],
        alarms=[for_terminal(line) for line in list_alarms(collection, judged)],
        sections=list(list_sections(collection, judged)),
        style_of=style_of,
    )


def _make_policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return files("bench.render.page").joinpath(name).read_text(encoding="utf-8")
