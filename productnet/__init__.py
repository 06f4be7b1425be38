"""A small network that learns Y = X1 * X2: the workload that `bench` measures.

Names are imported on first use (PEP 562), so that `import productnet`, the configuration, the errors and the names of
engines and devices cost no import of torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from productnet.registry import load

if TYPE_CHECKING:
    from productnet.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
    from productnet.config import TrainConfig
    from productnet.device import Device, open_device
    from productnet.errors import (
        CheckpointError,
        ConfigError,
        DeviceUnavailableError,
        ModeUnavailableError,
        ProductNetError,
    )
    from productnet.evaluate import Accuracy
    from productnet.keeper import CheckpointKeeper
    from productnet.model import MLP
    from productnet.registry import BATCHINGS, ENGINES, PRECISIONS
    from productnet.train import Training, TrainResult, fit, run_epochs

_HOME_OF = {
    "Checkpoint": "checkpoint",
    "load_checkpoint": "checkpoint",
    "save_checkpoint": "checkpoint",
    "TrainConfig": "config",
    "Device": "device",
    "open_device": "device",
    "CheckpointError": "errors",
    "ConfigError": "errors",
    "DeviceUnavailableError": "errors",
    "ModeUnavailableError": "errors",
    "ProductNetError": "errors",
    "Accuracy": "evaluate",
    "CheckpointKeeper": "keeper",
    "MLP": "model",
    "BATCHINGS": "registry",
    "ENGINES": "registry",
    "PRECISIONS": "registry",
    "Training": "train",
    "TrainResult": "train",
    "fit": "train",
    "run_epochs": "train",
}

__all__ = [
    "BATCHINGS",
    "ENGINES",
    "MLP",
    "PRECISIONS",
    "Accuracy",
    "Checkpoint",
    "CheckpointError",
    "CheckpointKeeper",
    "ConfigError",
    "Device",
    "DeviceUnavailableError",
    "ModeUnavailableError",
    "ProductNetError",
    "TrainConfig",
    "TrainResult",
    "Training",
    "fit",
    "load_checkpoint",
    "open_device",
    "run_epochs",
    "save_checkpoint",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'productnet' has no attribute {name!r}")
    return load(f"productnet.{_HOME_OF[name]}:{name}")
