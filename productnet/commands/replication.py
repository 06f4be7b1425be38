"""`train --replicas`: networks of several seeds at once, and how good they are over their seeds."""

from __future__ import annotations

import statistics
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from time import perf_counter
from typing import TYPE_CHECKING

from productnet.commands.output import Say, list_versions, warn_of_passed_over, write_json
from productnet.config import TrainConfig
from productnet.errors import ConfigError, DivergedError
from productnet.exit_code import ExitCode
from productnet.registry import MAX_REPLICAS, REPLICA_BATCHING, REPLICA_ENGINES

if TYPE_CHECKING:
    from productnet.train import TrainResult


def add_replicas_flag(parser: ArgumentParser) -> None:
    """Add --replicas."""
    parser.add_argument(
        "--replicas",
        type=int,
        metavar="K",
        help="train so many networks at once, of the seeds from --seed on, and show how good they are over the seeds "
        f"(engines {', '.join(REPLICA_ENGINES)}; batching {REPLICA_BATCHING})",
    )


def check_replicas(arguments: Namespace, config: TrainConfig) -> None:
    """Refuse a number that can't be trained at once, and what keeps one network.

    Raises:
        ConfigError: with the flag.
    """
    count = arguments.replicas
    if not 1 <= count <= MAX_REPLICAS:
        raise ConfigError("--replicas", f"{count} can't be trained at once: use 1 to {MAX_REPLICAS:,}")
    for flag in ("save", "log"):
        if getattr(arguments, flag) is not None:
            raise ConfigError(f"--{flag}", "keeps one network: leave it out, or leave out --replicas")
    TrainConfig(seed=config.seed + count - 1)


def run_replicas(config: TrainConfig, count: int, prog: str, say: Say, json_target: str | None) -> int:
    """Train several networks and show what came of them."""
    from productnet.memory import naming_memory, try_memory
    from productnet.model import describe_network
    from productnet.replicas import Replicas

    seeds = range(config.seed, config.seed + count)
    with naming_memory(config, count):
        try_memory(config, count)
        started = perf_counter()
        replicas = Replicas(config, seeds)
        set_up = perf_counter()
        device = replicas.device
        warn_of_passed_over(prog, device)
        say(f"{describe_network(config.layer_sizes)}; {count:,} at once on {device.name} ({device.model_name})")
        preparing = perf_counter()
        replicas.prepare()
        prepared = perf_counter()
        replicas.train(config.num_epochs)
        trained = perf_counter()
        results = replicas.results()
    diverged = [result.config.seed for result in results if result.has_diverged]
    if diverged:
        raise DivergedError(
            f"{len(diverged)} of {count} networks, the first of seed {diverged[0]}, have no finite loss or error: use "
            f"a smaller --lr than {config.learning_rate:g}"
        )
    train_seconds = trained - prepared
    say(f"{count:,} networks in {train_seconds:.3g} s: {count / train_seconds:.4g} a second")
    _say_quality(results, say)
    if json_target is not None:
        record = {
            "config": asdict(config),
            "device": {"name": device.name, "model": device.model_name},
            "precision": replicas.arithmetic.precision,
            "replicas": [_describe(result) for result in results],
            "versions": list_versions(),
            "setup_seconds": set_up - started,
            "compile_seconds": prepared - preparing,
            "train_seconds": train_seconds,
        }
        write_json(json_target, record)
    return ExitCode.FINE


def _describe(result: TrainResult) -> dict[str, object]:
    record = asdict(result)
    kept = ("digest", "epoch_losses", "final_loss", "training_accuracy", "heldout_accuracy")
    return {"seed": result.config.seed} | {name: record[name] for name in kept}


def _say_quality(results: Sequence[TrainResult], say: Say) -> None:
    from tabulate import tabulate

    figures = {
        "R squared": [result.heldout_accuracy.r_squared for result in results],
        "RMSE": [result.heldout_accuracy.rmse for result in results],
        "largest error": [result.heldout_accuracy.largest_error for result in results],
        "final loss": [result.final_loss for result in results],
    }
    rows = [(name, *_spread(values)) for name, values in figures.items()]
    say("")
    say(tabulate(rows, headers=("over seeds", "lowest", "quartile", "median", "quartile", "highest"), floatfmt=".6f"))
    heldout = results[0].config.num_heldout_samples
    say(
        f"\nErrors on {heldout} samples of each seed that its network never saw; final loss: in training, standardised."
    )


def _spread(values: Sequence[float]) -> tuple[float, ...]:
    """Return the lowest, the quartiles with the median between them, and the highest."""
    quartiles = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else 3 * list(values)
    return (min(values), *quartiles, max(values))
