"""Text from elsewhere, made harmless where it is shown: it stays visible, and does nothing."""

from __future__ import annotations

import re

from productnet.door import printable

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>#!|~@&])")
_BEYOND_16_BITS = re.compile(r"[\U00010000-\U0010ffff]")
_BACKTICKS = re.compile(r"`+")
_UNSAFE_IN_SERIES = re.compile(r"^[+@-]|[^\w ./:+(),@-]|@(?! )", re.ASCII)
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")


def for_terminal(text: str) -> str:
    """Show control characters as visible escapes: no cursor moves, no colours, one line."""
    return printable(text)


def for_picture(text: str) -> str:
    """Show as escapes, too, what takes two units of UTF-16.

    Vega cuts a long name between the two, and then draws nothing.
    """
    return _BEYOND_16_BITS.sub(lambda found: f"\\U{ord(found[0]):08x}", for_terminal(text))


def for_markdown(text: str) -> str:
    """Escape what Markdown or HTML would take for markup, a table border or a mention."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", for_terminal(text)).replace("\\<", "&lt;").replace("\\&", "&amp;")


def code_block(text: str) -> list[str]:
    """Return the lines of a block of code, in which nothing is markup; text that holds a fence gets a longer one."""
    fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    return [f"{fence}sh", for_terminal(text), fence]


def for_csv(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula; strip one to undo it."""
    return f"'{text}" if text.startswith((*_FORMULA_START, "'")) else text


def for_series(text: str) -> str:
    """Keep of a name what every tool that keeps a series takes as it is: no markup, mention, formula or control."""
    return _UNSAFE_IN_SERIES.sub("_", text)
