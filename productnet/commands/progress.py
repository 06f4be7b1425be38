"""Progress of a training: the article's loss line every few epochs and, on a terminal, a bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from productnet.commands.output import Say


@contextmanager
def show_progress(num_epochs: int, say: Say) -> Iterator[Callable[[Sequence[float]], None]]:
    """Say the loss every few epochs; on a terminal, show a bar with loss and time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("loss {task.fields[loss]}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} epochs"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        auto_refresh=False,  # a drawing thread would take its turns from the training
        disable=not sys.stderr.isatty() or console.is_dumb_terminal,
        # On a terminal the lines pass above the bar; in a file they must stay where they were sent.
        redirect_stdout=sys.stdout.isatty(),
    )
    with bar:
        task = bar.add_task("train", total=num_epochs, loss="...")

        def on_progress(epoch_losses: Sequence[float]) -> None:
            say(f"Epoch [{len(epoch_losses)}/{num_epochs}], Loss: {epoch_losses[-1]:.6f}")
            bar.update(task, completed=len(epoch_losses), loss=f"{epoch_losses[-1]:.6f}", refresh=True)

        yield on_progress
