"""A trained network in a file that alone can predict: weights, the recipe, and the statistics of its data.

The file is safetensors: float32 tensors named as the network names its parameters, and one entry of metadata,
"productnet", with the rest as JSON. One entry, since safetensors keeps several in no fixed order: equal trainings have
equal files, byte for byte. Reading one runs no code of its writer's, and trusts nothing that it says.
Source: https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, deserialize
from safetensors.torch import load, save

from productnet.config import TrainConfig, make_config
from productnet.data import Statistics
from productnet.errors import CheckpointError, ConfigError
from productnet.model import MLP
from productnet.whole_file import write_whole

if TYPE_CHECKING:
    from productnet.train import Training

SCHEMA_VERSION = 1
_METADATA = "productnet"
_LARGEST_HEADER_BYTES = 16 * 1024**2
"""Of a network of 100,000 layers; a file that announces more is not ours, and would only cost memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What a training has learned by the end of an epoch."""

    config: TrainConfig
    statistics: Statistics
    parameters: Mapping[str, torch.Tensor]
    """By their names in the network; float32 on the CPU."""
    num_epochs: int | None
    """Epochs trained until then; None for a network that was trained elsewhere."""
    epoch_loss: float | None
    """Mean training loss of the last of them, standardised: over its batches, so while the network still changed."""

    def make_model(self) -> MLP:
        """Make the network, on the CPU, with parameters of its own."""
        with torch.device("meta"):  # no memory and no random numbers for parameters that are replaced
            model = MLP(self.config.layer_sizes)
        model.load_state_dict({name: tensor.clone() for name, tensor in self.parameters.items()}, assign=True)
        return model


def take_checkpoint(training: Training) -> Checkpoint:
    """Copy what a training has learned so far, after at least one epoch. Synchronizes: yes."""
    return Checkpoint(
        config=training.config,
        statistics=training.data.statistics,
        parameters={
            name: parameter.detach().to("cpu", copy=True) for name, parameter in training.model.named_parameters()
        },
        num_epochs=len(training.epoch_losses),
        epoch_loss=training.epoch_losses[-1],
    )


def can_predict(checkpoint: Checkpoint) -> bool:
    """Whether all of its numbers are finite: a training that has diverged leaves none that could be used."""
    loss = checkpoint.epoch_loss
    return (loss is None or math.isfinite(loss)) and all(
        tensor.isfinite().all() for tensor in checkpoint.parameters.values()
    )


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, replacing the file that may be there.

    Atomic: whoever is killed, or finds the disk full, leaves the file of before, whole.

    Raises:
        OSError: when it can't be written; what was written of it is removed.
    """
    description = {
        "schema_version": SCHEMA_VERSION,
        "config": asdict(checkpoint.config),
        "statistics": {"mean": checkpoint.statistics.mean.tolist(), "std": checkpoint.statistics.std.tolist()},
        "num_epochs": checkpoint.num_epochs,
        "epoch_loss": checkpoint.epoch_loss,
    }
    content = save(dict(checkpoint.parameters), {_METADATA: json.dumps(description, allow_nan=False)})
    write_whole(path, content)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, whoever may have written it.

    Raises:
        ConfigError: when there is no file, or it can't be read.
        CheckpointError: when it is damaged, foreign, or its parts don't fit each other; with the file and the field.
    """
    content = read_file(path)
    try:
        header, entries = _take_apart(content)
        description = _read_description(header)
        config = _read_config(description)
        statistics = Statistics(_read_three(description, "mean"), _read_three(description, "std"))
        if not (statistics.std > 0).all():
            raise _Misfit(f"statistics.std {statistics.std.tolist()} is not above 0")
        _check_shapes(entries, config)
        parameters = load(content)
        for name, tensor in parameters.items():
            if not tensor.isfinite().all():
                raise _Misfit(f"tensor {name} holds values that are not finite")
        return Checkpoint(config, statistics, parameters, *_read_progress(description))
    except _Misfit as misfit:
        raise CheckpointError(f"{path}: {misfit}; use a checkpoint as `train --save` writes it") from misfit


def read_file(path: Path, at_most_bytes: int | None = None) -> bytes:
    """Read a file that the user named.

    Raises:
        ConfigError: when there is none, or it can't be read.
        CheckpointError: when it is larger than it may be.
    """
    try:
        if path.is_dir():
            raise ConfigError("checkpoint", f"{path} is a folder: name a file in it, say {path / 'best.safetensors'}")
        if at_most_bytes is not None and path.stat().st_size > at_most_bytes:
            raise CheckpointError(f"{path}: more than {at_most_bytes:,} bytes are not what was expected")
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name that holds a null character
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError("checkpoint", f"{path} can't be read: {reason}; name a file of a trained network") from error


class _Misfit(Exception):  # noqa: N818
    """What is wrong with a file, and in which field of it."""


def _take_apart(content: bytes) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the header, and each tensor's type and shape, once safetensors has found them sound."""
    header_bytes = int.from_bytes(content[:8], "little")
    if header_bytes > _LARGEST_HEADER_BYTES:
        raise _Misfit(f"header of {header_bytes:,} bytes, where at most {_LARGEST_HEADER_BYTES:,} are expected")
    try:
        entries = dict(deserialize(content))  # type: ignore[no-untyped-call]
        header = json.loads(content[8 : 8 + header_bytes])
    except (SafetensorError, ValueError, RecursionError) as error:
        raise _Misfit(f"no whole safetensors file ({error})") from error
    return header, entries


def _read_description(header: Mapping[str, Any]) -> dict[str, Any]:
    text = (header.get("__metadata__") or {}).get(_METADATA)
    if text is None:
        raise _Misfit(f"metadata has no {_METADATA!r}: it is of another program")
    try:
        description = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _Misfit(f"metadata {_METADATA!r} is no JSON ({error})") from error
    if not isinstance(description, dict):
        raise _Misfit(f"metadata {_METADATA!r} is no JSON object")
    version = description.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise _Misfit(f"schema_version {version!r}, where this program reads {SCHEMA_VERSION}")
    return description


def _read_config(description: Mapping[str, Any]) -> TrainConfig:
    settings = description.get("config")
    if not isinstance(settings, dict):
        raise _Misfit(f"config {settings!r} is no JSON object")
    try:
        return make_config(settings)
    except ConfigError as error:
        raise _Misfit(f"config.{error}") from error


def _read_three(description: Mapping[str, Any], name: str) -> torch.Tensor:
    """Return one statistic of x1, x2 and y: (3,) float32."""
    statistics = description.get("statistics")
    values = statistics.get(name) if isinstance(statistics, dict) else None
    if not isinstance(values, list) or len(values) != 3 or not all(_is_finite_in_float32(value) for value in values):
        raise _Misfit(f"statistics.{name} {values!r} is not three finite numbers, of x1, x2 and y")
    return torch.tensor(values, dtype=torch.float32)


def _read_progress(description: Mapping[str, Any]) -> tuple[int | None, float | None]:
    num_epochs, loss = description.get("num_epochs"), description.get("epoch_loss")
    if num_epochs is not None and (not isinstance(num_epochs, int) or isinstance(num_epochs, bool) or num_epochs < 1):
        raise _Misfit(f"num_epochs {num_epochs!r} is no number of epochs")
    if loss is not None and not (_is_finite_in_float32(loss) and loss >= 0):
        raise _Misfit(f"epoch_loss {loss!r} is no mean squared error")
    return num_epochs, loss


def _is_finite_in_float32(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= torch.finfo(torch.float32).max


def _check_shapes(entries: Mapping[str, Mapping[str, Any]], config: TrainConfig) -> None:
    """Compare by numbers alone: a recipe may ask for a network that no memory holds."""
    expected = dict(_list_shapes(config))
    for name in [*expected, *entries]:
        if name not in entries:
            raise _Misfit(f"tensor {name} is missing, which config.hidden_sizes {config.hidden_sizes} asks for")
        if name not in expected:
            raise _Misfit(f"tensor {name} has no place in the network of config.hidden_sizes {config.hidden_sizes}")
        dtype, shape = entries[name]["dtype"], tuple(entries[name]["shape"])
        if (dtype, shape) != ("F32", expected[name]):
            raise _Misfit(f"tensor {name} is {dtype} {shape}, where F32 {expected[name]} is expected")


def _list_shapes(config: TrainConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    for number, (fan_in, fan_out) in enumerate(pairwise(config.layer_sizes)):
        yield f"layers.{number}.weight", (fan_out, fan_in)
        yield f"layers.{number}.bias", (fan_out,)
