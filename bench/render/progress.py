"""What a run shows while it measures: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from bench.records.progress import Progress
from bench.render.units import duration


class ProgressConsole(Console):
    """Standard error, or silence once nobody reads it any more: a run goes on without its audience."""

    def __init__(self) -> None:
        super().__init__(stderr=True)

    def on_broken_pipe(self) -> None:
        """Send what is still to be shown nowhere; rich itself would end the program."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


@contextmanager
def show_progress(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Show a run's progress on a console, as well as that console can."""
    # The file is asked, not rich: FORCE_COLOR would have it take a log for a terminal.
    if console.file.isatty() and not console.is_dumb_terminal:
        with _show_bar(console) as show:
            yield show
    else:
        yield _LinePrinter(console).show


@contextmanager
def _show_bar(console: Console) -> Iterator[Callable[[Progress], None]]:
    bar = Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[left]}", markup=False),
        console=console,
        transient=True,
        # Drawn between blocks and never during one: no thread of ours may wake beside what is measured.
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with bar:
        task = bar.add_task("starting", total=1.0, left="")

        def show(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.share_done,
                description=f"{_place(progress)} {progress.case.name}",
                left=_time_left(progress),
                refresh=True,
            )

        yield show


class _LinePrinter:
    """A line at the start of every stage, and at every few rounds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[int, str, int] | None = None

    def show(self, progress: Progress) -> None:
        here = (progress.wave, progress.stage, progress.round // 4)
        if here != self._last:
            self._last = here
            line = f"{_place(progress)} {_time_left(progress)}".strip()
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _place(progress: Progress) -> str:
    parts = [f"wave {progress.wave + 1}/{progress.num_waves}"] if progress.num_waves > 1 else []
    parts.append(progress.stage)
    if progress.num_rounds:
        parts.append(f"round {progress.round + 1}/{progress.num_rounds}")
    return " ".join(parts)


def _time_left(progress: Progress) -> str:
    return "" if progress.seconds_left is None else f"about {duration(progress.seconds_left)} left"
