"""What a command came to, and how its answers are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    code: object
    out: str
    err: str


Command = Callable[..., Outcome]


def parse_strictly(text: str) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def check_refused(outcome: Outcome, code: int, *named: str) -> None:
    assert outcome.code == code
    assert outcome.out == ""
    assert len(outcome.err.splitlines()) == 1
    assert outcome.err.startswith("python -m productnet")
    for part in named:
        assert part in outcome.err
