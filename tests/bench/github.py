"""What GitHub makes of Markdown, by its own reader."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

BREAK = "\u200b"
EXTENSIONS = ["table", "autolink", "strikethrough", "tasklist", "tagfilter"]
"""What GitHub switches on."""
LINKED = re.compile(
    r"(?:^|\W)@[a-z0-9]|(?:^|\W)[\w.-]*(?:/[\w.-]+)?#\d|\bgh-\d|:(?:[+-]?1|100|1234|\w*[a-z][\w+-]*):", re.IGNORECASE
)
"""What GitHub makes links, references and emoji of, in the text that its reader of Markdown has left."""


class Page(HTMLParser):
    """The elements of a page, and its text outside of code, where GitHub makes nothing of it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.words = ""
        self._code_depth = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        self.tags.append(tag)
        self._code_depth += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self._code_depth -= tag == "code"

    def handle_comment(self, data: str) -> None:
        self.tags.append(f"<!--{data}")

    def handle_data(self, data: str) -> None:
        if not self._code_depth:
            self.words += data


def render(markdown: str) -> Page:
    """Return what GitHub's own reader makes of Markdown; raw HTML is let through, as it does for harmless elements."""
    return Page(cmarkgfm.markdown_to_html_with_extensions(markdown, Options.CMARK_OPT_UNSAFE, EXTENSIONS))
