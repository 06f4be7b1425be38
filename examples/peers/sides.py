"""What is trained side by side: peers, engines of productnet, and a control that must not pass for as good."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from bench.errors import UsageError
from bench.own import PRODUCTNET
from bench.records.case import Case

REFERENCE = "reference"
CONTROL = "half the epochs"
_OWN_ENGINES = (REFERENCE, "eager", "compiled", "graphed", "graphed-compiled", "fused")


@dataclass(frozen=True, slots=True)
class Side:
    """One way to train the recipe."""

    place: str
    """ "module:name" of what makes the workload."""
    engine: str
    batching: str = "own"
    package: str | None = None
    """What has to be installed, by the name that it is imported by."""
    devices: tuple[str, ...] = ("cpu",)
    """Kinds that it trains on."""
    epoch_divisor: int = 1
    """Spoils a control: it trains so many times fewer epochs."""

    def make_case(self, device: str, num_epochs: int) -> Case:
        """Return the case that its worker is given."""
        return Case(
            device=device,
            engine=self.engine,
            batching=self.batching,
            num_threads=1,
            num_epochs=max(1, num_epochs // self.epoch_divisor),
        )


def _list_devices(engine: str) -> tuple[str, ...]:
    if engine.startswith("graphed"):
        return ("cuda",)
    return ("cpu", "cuda") if engine == "fused" else ("cpu", "cuda", "mps")


SIDES = {
    **{name: Side(PRODUCTNET, name, "manual", devices=_list_devices(name)) for name in _OWN_ENGINES},
    "jax": Side("examples.peers.jax_scan:make_jax", "jax", package="jax", devices=("cpu", "cuda")),
    "scikit-learn": Side("examples.peers.scikit:make_scikit", "scikit-learn", package="sklearn"),
    "numpy": Side("examples.peers.plain_numpy:make_numpy", "numpy"),
    CONTROL: Side(PRODUCTNET, "eager", "manual", devices=("cpu", "cuda", "mps"), epoch_divisor=2),
}


def list_sides(device: str) -> list[str]:
    """Name the sides that train on a device."""
    return [name for name, side in SIDES.items() if device.partition(":")[0] in side.devices]


def find_fastest_own(device: str) -> str:
    """Name the engine of ours that is expected to be the fastest on a device."""
    return next(name for name in reversed(_OWN_ENGINES) if name in list_sides(device))


def choose_sides(names: list[str], device: str) -> dict[str, Side]:
    """Return the sides of these names; the reference is always one of them, since it is what quality is held against.

    Raises:
        UsageError: for a name that is none on this device, or a side whose package is not installed.
    """
    for name in names:
        if name not in list_sides(device):
            raise UsageError(f"{name!r} is no side on device {device}: use {', '.join(list_sides(device))}")
    chosen = {name: side for name, side in SIDES.items() if name in (REFERENCE, *names)}
    missing = [name for name, side in chosen.items() if side.package is not None and find_spec(side.package) is None]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} can't be imported: pip install 'productnet-bench[peers]', or name other --sides"
        )
    return chosen
