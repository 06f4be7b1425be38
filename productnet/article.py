"""The article's own `simpleNN.pth`: the one pickle that this project reads, when it is asked to."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from productnet.checkpoint import Checkpoint, read_file
from productnet.config import TrainConfig
from productnet.errors import CheckpointError
from productnet.train import draw_start

_LAYERS = ("fc", "fc2", "fc3")
_LARGEST_FILE_BYTES = 1024**2
"""Three hundred times what its 193 parameters take."""


def import_article(path: Path, config: TrainConfig) -> Checkpoint:
    """Read the state dict that the article's script saves, with the layers fc, fc2 and fc3.

    It holds no statistics of its data: they are drawn again from the seed.

    Args:
        config: the article's recipe, with the seed of its script.
    Raises:
        ConfigError: when there is no file, or it can't be read.
        CheckpointError: when it is damaged or holds anything else.
    """
    state = _read_state_dict(path)
    model, data, _ = draw_start(config)
    expected = dict(zip(_name_parameters(), model.state_dict().items(), strict=True))
    parameters = {}
    for name in [*expected, *state]:
        if name not in state:
            raise CheckpointError(f"{path}: tensor {name} is missing: the article's network has {', '.join(expected)}")
        if name not in expected:
            raise CheckpointError(f"{path}: tensor {name} is none of the article's network: {', '.join(expected)}")
        our_name, ours = expected[name]
        parameters[our_name] = _check(f"{path}: tensor {name}", state[name], ours)
    return Checkpoint(config, data.statistics, parameters, num_epochs=None, epoch_loss=None)


def _name_parameters() -> list[str]:
    return [f"{layer}.{part}" for layer in _LAYERS for part in ("weight", "bias")]


def _read_state_dict(path: Path) -> dict[object, object]:
    content = read_file(path, _LARGEST_FILE_BYTES)
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or hostile pickle makes torch raise
        # torch's own words tell how to load it all the same, which runs whatever code is in it.
        raise CheckpointError(
            f"{path}: no file of tensors alone ({type(error).__name__}): save model.state_dict() with torch.save"
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: holds a {type(state).__name__}, where a state dict is expected")
    return state


def _check(what: str, tensor: object, ours: torch.Tensor) -> torch.Tensor:
    if not isinstance(tensor, torch.Tensor):
        raise CheckpointError(f"{what} is a {type(tensor).__name__}, where a tensor is expected")
    if tensor.dtype != ours.dtype or tensor.shape != ours.shape or tensor.layout != ours.layout:
        raise CheckpointError(
            f"{what} is {tensor.dtype} {tuple(tensor.shape)}, where {ours.dtype} {tuple(ours.shape)} is expected"
        )
    if not tensor.isfinite().all():
        raise CheckpointError(f"{what} holds values that are not finite")
    return tensor.detach().clone(memory_format=torch.contiguous_format)
