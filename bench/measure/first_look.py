"""A first look at a workload of a user's own, in a process that is thrown away: mistakes are told before all else."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection
from typing import cast

import msgspec

from bench.errors import UsageError, WorkloadError
from bench.measure.process import ask_in_child
from bench.records.case import OwnWorkload
from bench.records.journal import as_text
from bench.workloads.files import import_class, list_axes

_TIMEOUT_SECONDS = 120.0


class Seen(msgspec.Struct, tag="seen", frozen=True, kw_only=True):
    """The workload can be imported and is one."""

    has_quality: bool
    """Whether it says what its error is on data that it did not train on."""
    axes: dict[str, int] = {}
    """What a sweep may vary of it: names of parameters, and their defaults."""


class Mistake(msgspec.Struct, tag="mistake", frozen=True, kw_only=True):
    """It can't, or is none."""

    reason: str


def look_at(workload: OwnWorkload) -> Seen:
    """Import a workload apart and see what it is.

    Raises:
        UsageError: with the mistake.
    """
    answer = ask_in_child(answer_look, msgspec.json.encode(workload).decode(), _TIMEOUT_SECONDS)
    if answer is None:
        raise UsageError(
            f"workload {workload.place} ended the process that imported it, or took over {_TIMEOUT_SECONDS:.0f} s: "
            f"try: python {workload.place.rpartition(':')[0]}"
        )
    seen = msgspec.json.decode(answer, type=cast("type[Seen | Mistake]", Seen | Mistake))
    if isinstance(seen, Mistake):
        raise UsageError(seen.reason)
    return seen


def answer_look(connection: Connection, question: str) -> None:
    """Answer in the child."""
    silence = os.open(os.devnull, os.O_WRONLY)
    for standard in (1, 2):  # what is printed on import is no answer
        os.dup2(silence, standard)
    try:
        found = import_class(msgspec.json.decode(question, type=OwnWorkload))
        answer: Seen | Mistake = Seen(has_quality=hasattr(found, "heldout_error"), axes=list_axes(found))
    except WorkloadError as error:
        answer = Mistake(reason=as_text(str(error)))
    connection.send_bytes(msgspec.json.encode(answer))
