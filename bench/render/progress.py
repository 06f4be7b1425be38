"""What a run shows while it measures: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from bench.records.case import Case
from bench.render.units import duration


class Standing(Protocol):
    """Where a run stands; `bench.measure.progress.Progress` is one."""

    @property
    def wave(self) -> int: ...
    @property
    def num_waves(self) -> int: ...
    @property
    def stage(self) -> str: ...
    @property
    def round(self) -> int: ...
    @property
    def num_rounds(self) -> int: ...
    @property
    def case(self) -> Case: ...
    @property
    def share_done(self) -> float: ...
    @property
    def seconds_left(self) -> float | None: ...


@contextmanager
def show_progress(console: Console) -> Iterator[Callable[[Standing], None]]:
    """Show a run's progress on a console, as well as that console can."""
    if console.is_terminal and not console.is_dumb_terminal:
        with _show_bar(console) as show:
            yield show
    else:
        yield _LinePrinter(console).show


@contextmanager
def _show_bar(console: Console) -> Iterator[Callable[[Standing], None]]:
    bar = Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[left]}", markup=False),
        console=console,
        transient=True,
        # One redraw a second: the drawing thread must not take a core from what is measured.
        refresh_per_second=1,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with bar:
        task = bar.add_task("starting", total=1.0, left="")

        def show(standing: Standing) -> None:
            bar.update(
                task,
                completed=standing.share_done,
                description=f"{_place(standing)} {standing.case.name}",
                left=_time_left(standing),
            )

        yield show


class _LinePrinter:
    """A line at the start of every stage, and at every few rounds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[int, str, int] | None = None

    def show(self, standing: Standing) -> None:
        here = (standing.wave, standing.stage, standing.round // 4)
        if here != self._last:
            self._last = here
            line = f"{_place(standing)} {_time_left(standing)}".strip()
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _place(standing: Standing) -> str:
    parts = [f"wave {standing.wave + 1}/{standing.num_waves}"] if standing.num_waves > 1 else []
    parts.append(standing.stage)
    if standing.num_rounds:
        parts.append(f"round {standing.round + 1}/{standing.num_rounds}")
    return " ".join(parts)


def _time_left(standing: Standing) -> str:
    return "" if standing.seconds_left is None else f"about {duration(standing.seconds_left)} left"
