"""The arms of a race, from the words of a command line: `engine=eager threads=2 rev=HEAD~1 env.NAME=value`."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.errors import UsageError
from bench.own import NUM_STEPS, make_own_case
from bench.records.case import Case, Shape
from bench.records.journal import as_text
from bench.records.race import Source
from bench.records.reading import is_directory, is_file
from bench.workloads.files import find_workload
from productnet.config import TrainConfig
from productnet.device import check_device_name
from productnet.registry import AMP, ENGINES, MAX_REPLICAS, PRECISIONS, split_batching

VARIABLE = "env."
DEFAULTS = {
    "engine": "eager",
    "batching": "manual",
    "precision": "fp32",
    "threads": "1",
    "replicas": "1",
    "batch_size": "100",
}
_CHOICES = {"engine": tuple(ENGINES), "precision": (*PRECISIONS, AMP)}
_MAX_NAME, _MAX_VALUE = 50, 1_000
"""What a race's file has room for."""

OURS = "bench."
"""How the places of workloads begin that come with this project, and are no user's own."""
SETTINGS = ("device", *DEFAULTS, "steps", "python", "rev", "tree", "workload")


def parse_settings(words: Sequence[str]) -> dict[str, str]:
    """Read what a user says of an arm.

    Raises:
        UsageError: with the word that can't be taken and what it may be.
    """
    settings: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        is_variable = re.fullmatch(r"env\.[A-Za-z_][A-Za-z0-9_]*", name) is not None
        if not sign or not (name in SETTINGS or is_variable):
            raise UsageError(
                f"{word!r} is no setting of an arm: use {', '.join(SETTINGS)} or env.NAME, each with =value"
            )
        if name in settings:
            raise UsageError(f"an arm has {name} twice")
        if name in _CHOICES and value not in _CHOICES[name]:
            apart = "; settings stand apart, with a space between them" if "=" in value else ""
            raise UsageError(f"{word!r} is not known: use {name}={{{','.join(_CHOICES[name])}}}{apart}")
        if len(name) > _MAX_NAME or len(value) > _MAX_VALUE or value != as_text(value):
            raise UsageError(
                f"{as_text(name[:20])}= is too long or no text: use up to {_MAX_NAME} characters for a name, "
                f"{_MAX_VALUE} for a value, in UTF-8"
            )
        if name == "batching":
            split_batching(value)
        if name == "device":
            value = check_device_name(value)
        settings[name] = value
    if "rev" in settings and "tree" in settings:
        raise UsageError("an arm has both a revision (rev=) and a tree (tree=): it can be measured in one of them")
    is_own = is_own_workload(settings)
    of_product_net = ("engine", "batching", "replicas", "batch_size")
    strange = [name for name in (of_product_net if is_own else ("steps",)) if name in settings]
    if strange:
        whose = "the product network's: a workload of your own has none" if is_own else "of a workload of your own"
        raise UsageError(f"{strange[0]}= is {whose}")
    return settings


def is_own_workload(settings: Mapping[str, str]) -> bool:
    """Whether an arm names a workload of a user's own."""
    return "workload" in settings and not settings["workload"].startswith(OURS)


def make_case(settings: Mapping[str, str], device: str, tree: Path | None = None) -> Case:
    """Return the case of an arm.

    Args:
        device: resolved; what the settings say of it was heard before.
        tree: where a workload of the user's own lies that is named by a relative path; None is where they stand.
    Raises:
        UsageError: for what is no number, or no number of replicas.
        ConfigError: for a case that no training takes.
    """
    chosen = {**DEFAULTS, **settings}
    num_threads, num_replicas, num_steps, batch_size = (
        _read_number(name, chosen.get(name, str(NUM_STEPS))) for name in ("threads", "replicas", "steps", "batch_size")
    )
    if is_own_workload(settings):
        workload = find_workload(chosen["workload"], tree)
        return make_own_case(workload, device, chosen["precision"], num_threads, num_steps)
    if not 1 <= num_replicas <= MAX_REPLICAS:
        raise UsageError(f"replicas={num_replicas} can't be trained at once: use 1 to {MAX_REPLICAS:,}")
    recipe = TrainConfig(num_threads=num_threads, batch_size=batch_size)
    shape = Shape(batch_size=batch_size)
    return Case(
        device=device,
        engine=chosen["engine"],
        batching=chosen["batching"],
        precision=chosen["precision"],
        num_threads=num_threads,
        num_epochs=recipe.num_epochs,
        num_replicas=num_replicas,
        shape=None if shape == Shape() else shape,
    )


def _read_number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{name}={text} is no number") from None


def make_source(
    settings: Mapping[str, str], find_commit: Callable[[str], str], check_out: Callable[[str], Path]
) -> Source:
    """Return where an arm's code comes from.

    Args:
        find_commit: revision -> commit.
        check_out: commit -> a tree of its own.
    Raises:
        UsageError: for what is not there.
    """
    revision = find_commit(settings["rev"]) if "rev" in settings else None
    tree = Path(settings["tree"]).absolute() if "tree" in settings else check_out(revision) if revision else None
    if tree is not None and not is_directory(tree):
        raise UsageError(f"tree={settings['tree']} is no directory")
    if tree is not None and not is_file(tree / "productnet" / "__init__.py"):
        # Python would go on looking, and measure what is at hand.
        said = next(f"{name}={settings[name]}" for name in ("rev", "tree") if name in settings)
        raise UsageError(f"{said} holds no package productnet: name the top of a source tree")
    python = settings.get("python")
    if python is not None and shutil.which(python) is None:
        raise UsageError(f"python={python} is no interpreter that can be run")
    return Source(
        python=python and shutil.which(python),
        revision=revision,
        tree=None if tree is None else os.fspath(tree),
        variables={name.removeprefix(VARIABLE): value for name, value in settings.items() if name.startswith(VARIABLE)},
    )
