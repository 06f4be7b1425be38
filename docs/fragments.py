"""The program that is written in learn.md, piece by piece: read, and run as a reader would run it."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Sequence
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

_FRAGMENT = re.compile(
    r"^```python\n(?P<code>.*?)^```$(?:\n\n```text\n(?P<output>.*?)^```$)?", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of the program, and what the text says that it prints; nothing where the text shows no output."""

    code: str
    output: str


def read_fragments(text: str) -> list[Fragment]:
    """Return the fragments of a Markdown text, in its order."""
    return [Fragment(match["code"], match["output"] or "") for match in _FRAGMENT.finditer(text)]


def run_fragments(fragments: Sequence[Fragment], folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Run fragments as one program, and leave torch's random numbers and threads as they were.

    Args:
        folder: where the program writes its files.
    Returns:
        The program's variables at its end, and what each fragment has printed.
    """
    variables: dict[str, Any] = {"__name__": "my_training"}
    outputs = []
    num_threads = torch.get_num_threads()
    try:
        with chdir(folder), torch.random.fork_rng(devices=[]):
            for number, fragment in enumerate(fragments, start=1):
                code = compile(fragment.code, f"<fragment {number}>", "exec")
                with redirect_stdout(io.StringIO()) as printed:
                    exec(code, variables)  # noqa: S102 (the text's own code)
                outputs.append(printed.getvalue())
    finally:
        torch.set_num_threads(num_threads)
    return variables, outputs


def run_text(path: Path) -> dict[str, Any]:
    """Run the program of a text, in a folder that is thrown away, and return its variables."""
    with tempfile.TemporaryDirectory() as folder:
        variables, _ = run_fragments(read_fragments(path.read_text(encoding="utf-8")), Path(folder))
    return variables
