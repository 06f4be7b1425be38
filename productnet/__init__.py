"""A small network that learns Y = X1 * X2: the workload that `bench` measures.

Names are imported on first use (PEP 562), so that `import productnet`, the configuration, the errors and the names of
engines and devices cost no import of torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from productnet.config import TrainConfig
    from productnet.device import Device, open_device
    from productnet.engines import ENGINES
    from productnet.errors import ConfigError, DeviceUnavailableError, ProductNetError
    from productnet.evaluate import Accuracy
    from productnet.model import MLP
    from productnet.train import Training, TrainResult, fit

_HOME_OF = {
    "TrainConfig": "config",
    "Device": "device",
    "open_device": "device",
    "ENGINES": "engines",
    "ConfigError": "errors",
    "DeviceUnavailableError": "errors",
    "ProductNetError": "errors",
    "Accuracy": "evaluate",
    "MLP": "model",
    "Training": "train",
    "TrainResult": "train",
    "fit": "train",
}

__all__ = [
    "ENGINES",
    "MLP",
    "Accuracy",
    "ConfigError",
    "Device",
    "DeviceUnavailableError",
    "ProductNetError",
    "TrainConfig",
    "TrainResult",
    "Training",
    "fit",
    "open_device",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'productnet' has no attribute {name!r}")
    return getattr(import_module(f"productnet.{_HOME_OF[name]}"), name)
