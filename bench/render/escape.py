"""Text from elsewhere, made harmless where it is shown: it stays visible, and does nothing."""

from __future__ import annotations

import re

from productnet.door import printable

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>#!|~@&])")
_BACKTICKS = re.compile(r"`+")
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")


def for_terminal(text: str) -> str:
    """Show control characters as visible escapes: no cursor moves, no colours, one line, no command of a CI's log."""
    return printable(text)


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
