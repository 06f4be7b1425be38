"""Workloads of known truth do the work of the engine eager, bit for bit, and what was added to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import pytest

from bench.records.case import Case
from bench.workloads import known
from bench.workloads.productnet import ProductNet

CASE = Case(device="cpu", engine="eager", batching="manual", num_threads=1, num_epochs=3)


def train(make: object, num_epochs: int = 3) -> list[float]:
    workload = make(CASE, 1)  # type: ignore[operator]
    workload.prepare()
    return list(workload.train(num_epochs))


@pytest.mark.parametrize("name", ["spins_0", "spins_300"])
def test_a_slowed_training_has_the_same_losses(name: str) -> None:
    assert train(getattr(known, name)) == train(ProductNet)


def test_the_bare_loop_does_the_same_operations_on_batches_of_its_own_order() -> None:
    bare, ours = train(known.BareLoop), train(ProductNet)
    assert bare == pytest.approx(ours, rel=0.5)
    assert bare[-1] < bare[0]


@pytest.mark.parametrize("name", ["BareLoop", "spins_300"])
def test_steps_that_are_watched_are_announced_and_train_the_same(name: str) -> None:
    workload = getattr(known, name)(CASE, 1)
    assert workload.can_watch_steps()
    losses, num_steps = train(getattr(known, name)), [0, 0]
    workload.prepare()
    for watch in range(2):

        def count(watch: int = watch) -> None:
            num_steps[watch] += 1

        workload.watch_steps(count)
        workload.train(1)
    assert num_steps == [10, 10], "whoever watches last takes the place of who did before"
    if name != "BareLoop":  # which draws its order from torch's own generator
        workload.restart()
        assert list(workload.train(3)) == losses
        assert workload.prefixes() == {}


def test_an_engine_that_runs_its_steps_as_one_can_not_be_watched() -> None:
    pytest.importorskip("numba")
    case = Case(device="cpu", engine="fused", batching="manual", num_threads=1, num_epochs=3)
    assert not ProductNet(case, 1).can_watch_steps()


def test_every_step_spins_as_far_as_its_name_says(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []

    def count(spins: Iterable[None], maxlen: int) -> deque[None]:
        counted.append(len(list(spins)))
        return deque(maxlen=maxlen)

    monkeypatch.setattr(known, "deque", count)
    train(known.spins_7, num_epochs=1)
    assert set(counted) == {7}
    assert len(counted) >= 10


@pytest.mark.parametrize("name", ["spins_", "spins_x", "turns_3", "spins_-1"])
def test_there_is_no_other_name(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(known, name)
