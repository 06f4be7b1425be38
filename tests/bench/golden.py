"""Texts compared with files that were read and found right.

After a change that is meant, write them anew and read the difference: UPDATE_GOLDEN=1 pytest tests/bench/render
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def check_golden(name: str, text: str, is_near: Callable[[str], object] | None = None) -> None:
    """Hold a text against its file: a CSV number by number, all else to the last character.

    Args:
        is_near: a number in the file -> what a number in the text has to equal; the default is `is_about`.
    """
    golden = read_golden(name, text)
    text = text.replace("\r\n", "\n")
    if name.endswith(".csv"):
        assert read_cells(text, float) == read_cells(golden, is_near or is_about)
    else:
        assert text == golden


def read_golden(name: str, text: str) -> str:
    """Return the file's text; where files are to be written anew, the text is written first."""
    # Ends of lines are another test's matter: Git may have changed them in the golden file.
    text = text.replace("\r\n", "\n")
    if os.environ.get("UPDATE_GOLDEN"):
        (GOLDEN / name).write_bytes(text.encode())
    return (GOLDEN / name).read_text(encoding="utf-8")


def read_cells(text: str, read_number: Callable[[str], object]) -> list[list[object]]:
    def read(cell: str) -> object:
        try:
            return read_number(cell)
        except ValueError:
            return cell

    return [[read(cell) for cell in row] for row in csv.reader(text.splitlines())]


def is_about(cell: str) -> object:
    """The last digits of a logarithm differ between machines."""
    return pytest.approx(float(cell), rel=1e-12)
