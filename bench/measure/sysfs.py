"""Reading the small files in which Linux tells its facts; whatever they hold, the answer is a fact or None."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/")
"""Where /proc and /sys are; a test brings its own."""

_LARGEST = 2**63 - 1
_MAX_BYTES = 2**20


def read_text(path: Path) -> str | None:
    """Read a file of text, stripped; None where it can't be read or is empty."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode(errors="replace").strip()
    except (OSError, ValueError):
        return None
    return text or None


def read_count(path: Path) -> int | None:
    """Read a file that holds one count; None for anything else, a negative number too."""
    return as_count(read_text(path))


def as_count(text: str | None) -> int | None:
    """Return the count that a text is, or None."""
    if text is None or not (text.isascii() and text.isdecimal()) or len(text) > 19 or int(text) > _LARGEST:
        return None
    return int(text)
