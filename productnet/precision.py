"""fp32, tf32, bf16, fp16: what the floating-point work of a training is done in.

Parameters, gradients and the optimizer's state are float32 in all of them; they differ in how layers multiply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch.amp.autocast_mode import autocast
from torch.amp.grad_scaler import GradScaler

from productnet.device import Device
from productnet.errors import ModeUnavailableError, first_line
from productnet.registry import AMP

Work = TypeVar("Work", bound=Callable[..., Any])

_AUTOCAST_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A precision on a device; an engine asks it for what it needs around its steps."""

    precision: str
    """One of fp32, tf32, bf16, fp16."""
    device_type: str

    @property
    def layer_type(self) -> torch.dtype:
        """The type that layers put out."""
        return _AUTOCAST_TYPES.get(self.precision, torch.float32)

    def autocast(self, work: Work) -> Work:
        """Have layers multiply in the precision's type while some work runs; float32 work is returned as it is."""
        if self.precision not in _AUTOCAST_TYPES:
            return work
        wrapped: Work = autocast(self.device_type, dtype=self.layer_type)(work)
        return wrapped

    def make_scaler(self) -> GradScaler:
        """Return a gradient scaler; one that does nothing where the precision's range holds every gradient.

        float16 has 5 bits of exponent: gradients under 6e-8 vanish unless the loss is multiplied before backward.
        Source: Micikevicius et al. (2018), "Mixed Precision Training", section 3.2.
        """
        return GradScaler(self.device_type, enabled=self.precision == "fp16")


def set_up_arithmetic(device: Device, precision: str) -> Arithmetic:
    """Resolve "amp", check that the device can do the precision, and set how torch multiplies float32 matrices.

    Raises:
        ModeUnavailableError: when the device can't do it, with the reason.
    """
    resolved = device.amp_precision() if precision == AMP else precision
    reason = device.why_not(resolved)
    if reason is None:
        # "highest" is IEEE float32; torch's own default may change and a user's setting must not slip in.
        torch.set_float32_matmul_precision("high" if resolved == "tf32" else "highest")
        reason = _try_out(device, resolved)
    if reason is not None:
        raise ModeUnavailableError(f"precision {resolved} is not to be had on device {device.name}: {reason}")
    return Arithmetic(resolved, device.torch_device.type)


def _try_out(device: Device, precision: str) -> str | None:
    """Multiply in the precision once; return why that fails, or None.

    1 + 2**-12 is a float32, and one to TF32 (10 bits of fraction) and to the 16-bit types: a sum of 256 of them tells
    which of the two the device has multiplied.
    """
    arithmetic = Arithmetic(precision, device.torch_device.type)
    left = torch.full((256, 256), 1 + 2**-12, device=device.torch_device)
    try:
        product = arithmetic.autocast(torch.matmul)(left, torch.ones_like(left))
        value = product[0, 0].item()  # sync point
    except RuntimeError as error:
        return first_line(error)
    expected = 256.0625 if precision == "fp32" else 256.0
    if product.dtype != arithmetic.layer_type or value != expected:
        return f"a product of it came out as {value} in {product.dtype}, where {expected} was expected"
    return None
