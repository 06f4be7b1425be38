from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from bench.records.progress import Progress
from bench.render.progress import show_progress
from tests.bench.runs import make_case
from tests.systems import posix_only

ESCAPE = "\x1b"


def make_progress(
    stage: str = "training",
    round: int = 0,  # noqa: A002 - the field's name
    wave: int = 0,
    num_waves: int = 1,
    seconds_left: float | None = 75.0,
) -> Progress:
    return Progress(
        wave=wave,
        num_waves=num_waves,
        stage=stage,
        round=round,
        num_rounds=12 if stage == "training" else 0,
        case=make_case(device="[bold]cpu[/bold]"),
        share_done=0.25,
        seconds_left=seconds_left,
    )


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(*steps: Progress, is_terminal: bool = False) -> str:
    """Return all that a console receives."""
    output = FakeTerminal() if is_terminal else io.StringIO()
    with show_progress(Console(file=output, width=100)) as on_progress:
        for step in steps:
            on_progress(step)
    return output.getvalue()


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's own settings."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_elsewhere_a_line_says_where_the_run_stands() -> None:
    assert show(make_progress(round=4)) == "training round 5/12 about 1 min 15 s left\n"


def test_several_waves_are_counted() -> None:
    assert show(make_progress(wave=1, num_waves=3)) == "wave 2/3 training round 1/12 about 1 min 15 s left\n"


def test_a_stage_without_rounds_and_a_time_that_is_not_known_are_left_out() -> None:
    assert show(make_progress("setting up", seconds_left=None)) == "setting up\n"


def test_elsewhere_a_line_comes_with_every_stage_and_every_few_rounds() -> None:
    steps = [make_progress("starting")] * 3
    steps += [make_progress(round=number) for number in range(12) for _ in range(3)]
    steps += [make_progress("phases and inference")] * 3
    lines = show(*steps).splitlines()
    assert [line.partition(" about")[0] for line in lines] == [
        "starting",
        "training round 1/12",
        "training round 5/12",
        "training round 9/12",
        "phases and inference",
    ]


def test_a_long_line_is_not_folded() -> None:
    assert show(make_progress("x" * 300, seconds_left=None)) == "x" * 300 + "\n"


def test_a_run_that_shows_nothing_leaves_nothing() -> None:
    assert show() == ""


@pytest.mark.parametrize(
    ("variables", "is_terminal"),
    [
        ({}, False),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb"}, True),
        ({"TERM": "unknown"}, True),
        ({"TERM": "dumb", "NO_COLOR": "1"}, True),
    ],
)
def test_where_a_cursor_can_not_move_there_are_plain_lines(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], is_terminal: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    shown = show(make_progress(), is_terminal=is_terminal)
    assert shown == "training round 1/12 about 1 min 15 s left\n"


def test_a_terminal_shows_a_bar_that_is_taken_away_at_the_end() -> None:
    shown = show(make_progress(), is_terminal=True)
    # Shown as it is: square brackets are no markup of ours.
    assert "training round 1/12 [bold]cpu[/bold]/reference/manual" in shown
    assert "about 1 min 15 s left" in shown
    assert shown.endswith(f"{ESCAPE}[1A{ESCAPE}[2K")


def test_a_terminal_without_colours_gets_a_bar_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = show(make_progress(), is_terminal=True)
    assert "about 1 min 15 s left" in shown
    assert f"{ESCAPE}[3" not in shown
    assert f"{ESCAPE}[9" not in shown


def test_an_error_while_measuring_leaves_the_cursor_visible() -> None:
    output = FakeTerminal()

    def interrupt() -> None:
        with show_progress(Console(file=output, width=100)) as on_progress:
            on_progress(make_progress())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert output.getvalue().rfind(f"{ESCAPE}[?25h") > output.getvalue().rfind(f"{ESCAPE}[?25l") >= 0


@posix_only
def test_a_run_goes_on_when_nobody_reads_its_progress_any_more(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from bench.render.progress import ProgressConsole\n"
        "console = ProgressConsole()\n"
        "for _ in range(3):\n"
        "    console.print('x')\n"
        "print('went on')\n"
    )
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run((sys.executable, "-c", program), stdout=subprocess.PIPE, stderr=write, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stdout) == (0, "went on\n")
