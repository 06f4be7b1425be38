"""`python -m productnet train`: the recipe for a person, with a progress bar, or as JSON for a program."""

from __future__ import annotations

import json
import os
import platform
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, fields
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from productnet.config import TrainConfig
from productnet.door import OneLineParser, run_door
from productnet.errors import ConfigError, DivergedError, ProductNetError
from productnet.exit_code import ExitCode
from productnet.registry import AMP, BATCHINGS, ENGINES, PRECISIONS

if TYPE_CHECKING:
    from productnet.train import TrainResult

_PROG = "python -m productnet"


def make_parser() -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(prog=_PROG, description="Train a small network that learns Y = X1 * X2.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    train = commands.add_parser("train", prog=f"{_PROG} train", help="train the network and show how well it learned")
    recipe = TrainConfig()
    add = train.add_argument
    add("--device", default=recipe.device, help="cpu, cuda, cuda:N, mps, or auto: the best one present (default)")
    add("--engine", default=recipe.engine, help=f"how to train: {', '.join(ENGINES)} (default {recipe.engine})")
    add("--batching", default=recipe.batching, help=f"{', '.join(BATCHINGS)} (default {recipe.batching})")
    precisions = ", ".join(PRECISIONS)
    add("--precision", default=recipe.precision, help=f"{precisions} (default {recipe.precision})")
    add("--amp", dest="precision", action="store_const", const=AMP, help="the 16-bit precision that suits the device")
    add("--compile", dest="engine", action="store_const", const="compiled-model", help="--engine compiled-model")
    add(
        "--threads",
        dest="num_threads",
        type=int,
        default=recipe.num_threads,
        help=f"CPU threads (default {recipe.num_threads})",
    )
    add("--seed", type=int, default=recipe.seed, help=f"of all random numbers (default {recipe.seed})")
    add(
        "--epochs",
        dest="num_epochs",
        type=int,
        default=recipe.num_epochs,
        help=f"passes over the data (default {recipe.num_epochs})",
    )
    add("--batch-size", type=int, default=recipe.batch_size, help=f"default {recipe.batch_size}")
    add("--drop-last", action="store_true", help="leave out a last batch that is smaller than the rest")
    add(
        "--samples",
        dest="num_samples",
        type=int,
        default=recipe.num_samples,
        help=f"training samples (default {recipe.num_samples})",
    )
    add(
        "--hidden",
        dest="hidden_sizes",
        type=_parse_widths,
        default=recipe.hidden_sizes,
        metavar="16,8",
        help="widths of the hidden layers",
    )
    add(
        "--lr",
        dest="learning_rate",
        type=float,
        default=recipe.learning_rate,
        help=f"Adam's learning rate (default {recipe.learning_rate})",
    )
    add("--json", metavar="FILE", help="write the result as JSON; - for standard output, and nothing else there")
    train.set_defaults(parser=train)
    return parser


def main() -> int:
    """Train as the command line says."""
    arguments = make_parser().parse_args()
    config = _read_config(arguments)
    if arguments.json not in (None, "-"):
        _check_writable(Path(arguments.json))

    def say(line: str) -> None:
        print(line, file=sys.stderr if arguments.json == "-" else sys.stdout)

    result, record = _train(config, say)
    _say_samples(result, say)
    if arguments.json is not None:
        _write(arguments.json, json.dumps(record, indent=2, allow_nan=False) + "\n")
    return ExitCode.FINE


def _read_config(arguments: Namespace) -> TrainConfig:
    given = {field.name: getattr(arguments, field.name) for field in fields(TrainConfig) if field.name in arguments}
    with arguments.parser.naming_flags():
        return TrainConfig(**given)


def _train(config: TrainConfig, say: Callable[[str], None]) -> tuple[TrainResult, dict[str, object]]:
    """Train, and return the result with its record: the same and the stages, ready for JSON."""
    from productnet.train import Training, run_epochs

    started = perf_counter()
    training = Training(config)
    set_up = perf_counter()
    training.prepare()
    prepared = perf_counter()
    reporting_seconds = 0.0
    with _show_progress(config, say) as show:

        def on_progress(epoch_losses: Sequence[float]) -> None:
            nonlocal reporting_seconds
            before = perf_counter()
            show(epoch_losses)
            reporting_seconds += perf_counter() - before

        training_started = perf_counter()
        run_epochs(training, on_progress)
        trained = perf_counter()
    result = training.result()
    if result.has_diverged:
        raise DivergedError(
            f"after {config.num_epochs} epochs the loss is {result.final_loss} and the RMSE "
            f"{result.training_accuracy.rmse}: use a smaller --lr than {config.learning_rate:g}"
        )
    record = {
        **asdict(result),
        "device": {"name": result.device, "model": training.device.model_name},
        "versions": _list_versions(),
        "setup_seconds": set_up - started,
        "compile_seconds": prepared - set_up,
        "train_seconds": trained - training_started - reporting_seconds,
    }
    return result, record


@contextmanager
def _show_progress(config: TrainConfig, say: Callable[[str], None]) -> Iterator[Callable[[Sequence[float]], None]]:
    """Say the article's loss line every few epochs; on a terminal, show a bar with loss and time left."""
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
        task = bar.add_task("train", total=config.num_epochs, loss="...")

        def on_progress(epoch_losses: Sequence[float]) -> None:
            say(f"Epoch [{len(epoch_losses)}/{config.num_epochs}], Loss: {epoch_losses[-1]:.6f}")
            bar.update(task, completed=len(epoch_losses), loss=f"{epoch_losses[-1]:.6f}", refresh=True)

        yield on_progress


def _say_samples(result: TrainResult, say: Callable[[str], None]) -> None:
    from tabulate import tabulate

    rows = [astuple(sample) for sample in result.shown_samples]
    say("")
    say(tabulate(rows, headers=("x1", "x2", "x1 * x2", "prediction", "absolute error"), floatfmt=".4f"))
    heldout = result.heldout_accuracy
    say(
        f"\n{result.config.num_heldout_samples} samples that it never saw: "
        f"R squared {heldout.r_squared:.6f}, RMSE {heldout.rmse:.4f}, largest error {heldout.largest_error:.4f}"
    )


def _list_versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in ("torch", "numpy")}}


def _parse_widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(width) for width in text.split(","))
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no list of widths: use whole numbers with commas, say 16,8") from error


def _check_writable(path: Path) -> None:
    """Refuse an output that can't be written before the work that it is for."""
    try:
        writable = not path.is_dir() and path.parent.is_dir()
        writable = writable and os.access(path if path.exists() else path.parent, os.W_OK)
    except OSError:  # a name that is too long
        writable = False
    if not writable:
        raise ConfigError("--json", f"{path} can't be written: name a file in a folder that exists and can be written")


def _write(target: str, text: str) -> None:
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError("--json", f"{target} can't be written: {error.strerror}; name another file") from error


if __name__ == "__main__":
    run_door(_PROG, main, (ProductNetError,))
