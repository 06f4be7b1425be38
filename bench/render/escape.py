"""Text from elsewhere, made harmless where it is shown: it stays visible, and does nothing."""

from __future__ import annotations

import re

from productnet.door import printable

_BREAK = "&#8203;"
"""A space without width. GitHub looks for mentions, references, addresses and emoji in the text that comes out, where
a backslash or an entity is gone and this is not. Source: github.com/github/markup, issue 1168."""
_MARKDOWN = re.compile(
    r"""
    (?P<entity>[<&]) | (?P<dollar>\$) | (?P<at>@) | (?P<number>\#(?=\d)) | (?P<special>[\\`*_\[\]>#!|~])
    | (?P<colon>:(?=//|\w*[a-z][\w+-]*:|[-+]1:|100:|1234:)) | (?P<www>(?<=www)\.) | (?P<issue>(?<=gh)-(?=\d))
    | (?P<indent>^[ ](?=[ ]{3})) | (?P<block>^[ ]{0,3}(?:[-=:]|\+(?=[ ]|$)|\d{1,9}[.)](?=[ ]|$)))
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BEYOND_16_BITS = re.compile(r"[\U00010000-\U0010ffff]")
_BACKTICKS = re.compile(r"`+")
_FORMULA_START = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the same in full width, which some spreadsheets take for them."""
_UNSAFE_IN_SERIES = re.compile(r"^[+@-]|[^\w ./:+(),@-]|@(?! )", re.ASCII)


def for_terminal(text: str) -> str:
    """Show control characters as visible escapes: no cursor moves, no colours, one line, no command of a CI's log."""
    return printable(text)


def for_picture(text: str) -> str:
    """Show as escapes, too, what takes two units of UTF-16.

    Vega cuts a long name between the two, and then draws nothing.
    """
    return _BEYOND_16_BITS.sub(lambda found: f"\\U{ord(found[0]):08x}", for_terminal(text))


def for_markdown(text: str) -> str:
    """Escape what Markdown, HTML or GitHub would take for markup, a table border, a mention, a reference or a link.

    A number of a commit stays one: what GitHub may make of it is a link within the repository.
    """
    return _MARKDOWN.sub(_escape, for_terminal(text))


def _escape(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "entity":
            return {"<": "&lt;", "&": "&amp;"}[found[0]]
        case "dollar":  # as GitHub's manual on mathematical expressions says: nothing else keeps one from being math
            return "<span>$</span>"
        case "at" | "colon" | "issue":
            return found[0] + _BREAK
        case "number":
            return f"\\#{_BREAK}"
        case "www":
            return f"{_BREAK}."
        case "block" if found[0].endswith(":"):  # of a table's rule, or of an emoji
            return found[0] + _BREAK
        case "indent":
            return "&#32;"
        case _:
            return f"{found[0][:-1]}\\{found[0][-1]}"


def code_block(text: str) -> list[str]:
    """Return the lines of a block of code, in which nothing is markup; text that holds a fence gets a longer one."""
    fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    return [f"{fence}sh", for_terminal(text), fence]


def for_csv(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula; strip one to undo it.

    Control characters become visible escapes, so that a record is a line.
    """
    shown = for_terminal(text)
    return f"'{shown}" if shown.startswith((*_FORMULA_START, "'")) else shown


def for_series(text: str) -> str:
    """Keep of a name what every tool that keeps a series takes as it is: no markup, mention, formula or control."""
    return _UNSAFE_IN_SERIES.sub("_", text)
