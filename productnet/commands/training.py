"""`train`: the recipe for a person, or as JSON for a program."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, BooleanOptionalAction, Namespace, _ActionsContainer
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, fields
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from productnet.commands.output import (
    Say,
    add_json_flag,
    check_folder,
    check_json,
    list_versions,
    make_say,
    warn_of_passed_over,
    write_json,
)
from productnet.commands.progress import show_progress
from productnet.commands.replication import add_replicas_flag, check_replicas, run_replicas
from productnet.config import TrainConfig, make_config
from productnet.door import leaving_at_once
from productnet.errors import ConfigError, DivergedError
from productnet.exit_code import ExitCode
from productnet.registry import AMP, BATCHING_HELP, ENGINES, PRECISIONS

if TYPE_CHECKING:
    from productnet.commands.keeping import Keeping
    from productnet.train import Training, TrainResult

NAME = "train"
HELP = "train the network and show how well it learned"


def add_flags(parser: ArgumentParser) -> None:
    """Describe what the command takes."""
    recipe = TrainConfig()

    groups: dict[str, _ActionsContainer] = {}
    for name in ("engine", "precision"):
        groups[name] = parser.add_mutually_exclusive_group()

    def add(flag: str, name: str, what: str, **options: Any) -> None:
        # No defaults here: a flag that was not given must not win over a file.
        group, default = groups.get(name, parser), getattr(recipe, name)
        group.add_argument(flag, dest=name, default=SUPPRESS, help=f"{what} (default {default})", **options)

    add("--device", "device", "cpu, cuda, cuda:N, mps, or auto: the best one present")
    add("--engine", "engine", f"how to train: {', '.join(ENGINES)}")
    add("--batching", "batching", BATCHING_HELP)
    add("--precision", "precision", ", ".join(PRECISIONS))
    short_forms = (
        ("--amp", "precision", AMP, "the 16-bit precision that suits the device"),
        ("--compile", "engine", "compiled-model", "--engine compiled-model"),
    )
    for flag, name, value, what in short_forms:
        groups[name].add_argument(flag, dest=name, action="store_const", const=value, default=SUPPRESS, help=what)
    add("--threads", "num_threads", "CPU threads", type=int)
    add("--seed", "seed", "of all random numbers", type=int)
    add("--epochs", "num_epochs", "passes over the data", type=int)
    add("--batch-size", "batch_size", "samples in a batch", type=int)
    add("--drop-last", "drop_last", "leave out a last batch that is smaller", action=BooleanOptionalAction)
    add("--samples", "num_samples", "training samples", type=int)
    add("--hidden", "hidden_sizes", "widths of the hidden layers", type=_parse_widths, metavar="16,8")
    add("--lr", "learning_rate", "Adam's learning rate", type=float)
    parser.add_argument("--config", metavar="FILE", help="read a recipe.toml; flags win over it, it over the defaults")
    parser.add_argument(
        "--save",
        metavar="DIR",
        help="keep best.safetensors, last.safetensors and recipe.toml there, in place of those of an earlier training",
    )
    parser.add_argument("--log", metavar="DIR", help="keep every epoch's loss there, in losses.csv")
    add_replicas_flag(parser)
    add_json_flag(parser)


def run(arguments: Namespace) -> int:
    """Train as the command line says."""
    config = read_config(arguments)
    check_json(arguments.json)
    if arguments.replicas is not None:
        check_replicas(arguments, config)
    save, log = (None if folder is None else Path(folder) for folder in (arguments.save, arguments.log))
    for flag, folder in (("--save", save), ("--log", log)):
        if folder is not None:
            check_folder(flag, folder)
    if config.engine != "fused":  # it has no optimizer of torch's
        with leaving_at_once(arguments.parser.prog):
            import torch._dynamo  # noqa: F401 - torch's first optimizer imports it: a second that is no set-up
    say = make_say(arguments.json)
    if arguments.replicas is not None:
        return run_replicas(config, arguments.replicas, arguments.parser.prog, say, arguments.json)
    from productnet.memory import naming_memory, try_memory

    with naming_memory(config):
        try_memory(config)
        result, record, kept = _train(config, arguments.parser.prog, say, save, log)
    _say_samples(result, say)
    if kept:
        say(f"\nKept: {', '.join(map(str, kept))}")
    if save is not None:
        say(f"Try: python -m productnet predict 3 4 --checkpoint {save / 'best.safetensors'}")
    if arguments.json is not None:
        write_json(arguments.json, record)
    return ExitCode.FINE


def read_config(arguments: Namespace) -> TrainConfig:
    """Put the recipe together: flags win over the file, the file over the defaults.

    Raises:
        ConfigError: with the flag, or the file and its key, that is wrong.
    """
    flags = {field.name: getattr(arguments, field.name) for field in fields(TrainConfig) if field.name in arguments}
    if arguments.config is None:
        return make_config(flags)
    from productnet.recipe import read_recipe

    try:
        return make_config({**read_recipe(Path(arguments.config)), **flags})
    except ConfigError as error:
        if error.setting in flags or error.setting == "--config":
            raise
        raise ConfigError(f"{arguments.config}: {error.setting}", error.complaint) from error


def _train(
    config: TrainConfig, prog: str, say: Say, save: Path | None, log: Path | None
) -> tuple[TrainResult, dict[str, object], list[Path]]:
    """Train, and return the result, its record (the same and the stages, ready for JSON), and the files kept."""
    from productnet.commands.claim import claim_folders
    from productnet.commands.keeping import LOG, SAVE, Keeping
    from productnet.model import describe_network
    from productnet.train import Training

    started = perf_counter()
    training = Training(config)
    set_up = perf_counter()
    warn_of_passed_over(prog, training.device)
    say(f"{describe_network(config.layer_sizes)}; on {training.device.name} ({training.device.model_name})")
    preparing = perf_counter()
    training.prepare()
    prepared = perf_counter()
    with claim_folders({SAVE: save, LOG: log}):
        keeping = Keeping(config, save, log)
        train_seconds = _run_epochs(training, say, keeping)
        kept = keeping.write()
    result = training.result()
    if result.has_diverged:
        raise DivergedError(
            f"after {config.num_epochs} epochs the loss is {result.final_loss} and the RMSE "
            f"{result.training_accuracy.rmse}: use a smaller --lr than {config.learning_rate:g}"
        )
    record = {
        **asdict(result),
        "device": {"name": result.device, "model": training.device.model_name},
        "versions": list_versions(),
        "setup_seconds": set_up - started,
        "compile_seconds": prepared - preparing,
        "train_seconds": train_seconds,
    }
    return result, record, kept


def _run_epochs(training: Training, say: Say, keeping: Keeping) -> float:
    """Run all epochs; return their seconds, in which there is no showing and no keeping."""
    from productnet.train import run_epochs

    other_seconds = 0.0

    def apart(work: Callable[..., object]) -> Callable[..., None]:
        def timed_apart(*arguments: object) -> None:
            nonlocal other_seconds
            before = perf_counter()
            work(*arguments)
            other_seconds += perf_counter() - before

        return timed_apart

    with show_progress(training.config.num_epochs, say) as show:

        def on_progress(epoch_losses: Sequence[float]) -> None:
            keeping.write()
            show(epoch_losses)

        started = perf_counter()
        try:
            run_epochs(training, apart(on_progress), apart(keeping.see_epoch) if keeping.wants_epochs else None)
        except KeyboardInterrupt as interrupt:
            if not keeping.wants_epochs:
                raise
            where = f"in epoch {len(training.epoch_losses) + 1} of {training.config.num_epochs}"
            raise KeyboardInterrupt(f"{where}; {_say_kept(keeping)}") from interrupt
        return perf_counter() - started - other_seconds


def _say_kept(keeping: Keeping) -> str:
    """Write the checkpoints of an interrupted training, and say what there is; an interrupt stays one if that fails."""
    try:
        kept = keeping.write()
    except ConfigError as error:
        return str(error)
    return f"kept {', '.join(map(str, kept))}" if kept else "nothing to keep yet"


def _say_samples(result: TrainResult, say: Say) -> None:
    from tabulate import tabulate

    rows = [astuple(sample) for sample in result.shown_samples]
    say("")
    say(tabulate(rows, headers=("x1", "x2", "x1 * x2", "prediction", "absolute error"), floatfmt=".4f"))
    heldout = result.heldout_accuracy
    say(
        f"\n{result.config.num_heldout_samples} samples that it never saw: "
        f"R squared {heldout.r_squared:.6f}, RMSE {heldout.rmse:.4f}, largest error {heldout.largest_error:.4f}"
    )
    if result.num_skipped_steps:
        num_steps = result.config.num_epochs * result.config.num_steps_per_epoch
        skipped = f"{result.num_skipped_steps} of {num_steps} steps"
        say(f"{skipped} updated nothing: their scaled gradients overflowed float16")


def _parse_widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(width) for width in text.split(","))
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no list of widths: use whole numbers with commas, say 16,8") from error
