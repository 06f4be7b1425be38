"""What an hour costs, as the user says: in whatever currency, and of whatever is paid for with a device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from bench.records.case import ShortName

EVERY_DEVICE = "all"
HOUR_SECONDS = 3_600.0
PricePerHour = Annotated[float, Meta(ge=1e-9, le=1e9)]
"""As the flag takes them: up to nine digits before the point, and nine after it."""
Prices = dict[ShortName, PricePerHour]
"""A device ("cuda:1"), a kind of device ("cuda") or "all" -> what an hour of it costs."""


def find_price(prices: Mapping[str, float], device: str) -> float | None:
    """Return what an hour on a device costs: its own price, its kind's, or that of all; None where there is none."""
    names = (device, device.partition(":")[0], EVERY_DEVICE)
    return next((prices[name] for name in names if name in prices), None)
