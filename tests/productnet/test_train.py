from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch.nn.functional import mse_loss

from productnet.batching import Batch
from productnet.config import TrainConfig
from productnet.errors import ConfigError, DeviceUnavailableError
from productnet.evaluate import evaluate
from productnet.registry import BATCHINGS
from productnet.train import Training, TrainResult, fit, run_epochs
from tests.productnet.modes import ON_CPU

KNOWN_FINAL_LOSS = 0.0001638088418985717
KNOWN_ERRORS = [0.5656, 0.2395, 0.0102, 0.3596, 0.3279, 0.1137, 0.3262, 0.5058, 0.4767, 0.0303]

SMALL = TrainConfig(device="cpu", num_samples=50, batch_size=20, num_epochs=4, num_heldout_samples=30)


def _is_where_the_known_loss_was_read() -> bool:
    """The last digits depend on the kernels that torch and its BLAS choose for a processor."""
    info = Path("/proc/cpuinfo")
    return (
        platform.machine() == "x86_64"
        and torch.__version__.startswith("2.13.")
        and torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
        and info.exists()
        and "AuthenticAMD" in info.read_text(encoding="utf-8")
    )


@pytest.fixture(scope="module")
def known() -> TrainResult:
    return fit(TrainConfig(device="cpu"))


@pytest.fixture
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


# The recipe in full, at seed 1


def test_the_recipe_ends_at_the_known_loss(known: TrainResult) -> None:
    assert len(known.epoch_losses) == 1_000
    assert known.final_loss == known.epoch_losses[-1]
    assert known.final_loss == pytest.approx(KNOWN_FINAL_LOSS, rel=0.01)
    if _is_where_the_known_loss_was_read():
        assert known.final_loss == KNOWN_FINAL_LOSS


def test_the_first_ten_samples_have_their_known_errors(known: TrainResult) -> None:
    errors = [sample.absolute_error for sample in known.shown_samples]
    first = known.shown_samples[0]
    assert [f"{value:.4f}" for value in (first.x1, first.x2, first.y)] == ["5.7549", "3.4901", "20.0850"]
    if _is_where_the_known_loss_was_read():
        assert [round(error, 4) for error in errors] == KNOWN_ERRORS
        assert f"{first.prediction:.4f}" == "19.5194"
    assert errors == pytest.approx(KNOWN_ERRORS, abs=0.02)
    assert first.prediction == pytest.approx(19.5194, abs=0.02)


def test_the_recipe_learns_the_product_and_not_only_its_samples(known: TrainResult) -> None:
    assert known.training_accuracy.r_squared > 0.999
    assert known.heldout_accuracy.r_squared > 0.999
    assert known.heldout_accuracy.rmse < 0.5
    assert known.training_accuracy.mse == pytest.approx(known.final_loss, rel=0.5)


def test_the_eager_engine_ends_at_the_known_loss() -> None:
    assert fit(TrainConfig(device="cpu", engine="eager")).final_loss == pytest.approx(KNOWN_FINAL_LOSS, rel=1e-3)


@pytest.mark.parametrize("batching", tuple(BATCHINGS)[1:])
def test_fifty_epochs_of_every_batching_have_the_very_same_losses(known: TrainResult, batching: str) -> None:
    result = fit(TrainConfig(device="cpu", batching=batching, num_epochs=50))
    assert result.epoch_losses == known.epoch_losses[:50]


# One stream of random numbers


def test_the_stream_gives_the_network_then_the_data_then_the_order() -> None:
    training = Training(replace(SMALL, seed=9))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(9)
        layers = [torch.nn.Linear(*sizes) for sizes in pairwise((2, 16, 8, 1))]
        x1, x2 = 1 + 9 * torch.rand(50), 1 + 9 * torch.rand(50)
        orders = [torch.randperm(50) for _ in range(3)]
    parameters = [parameter for layer in layers for parameter in layer.parameters()]
    assert all(torch.equal(*pair) for pair in zip(training.model.parameters(), parameters, strict=True))
    assert torch.equal(training.data.values, torch.stack((x1, x2, x1 * x2), dim=1))
    assert all(torch.equal(training.order.next_epoch(), order) for order in orders)


@pytest.mark.parametrize("engine", ON_CPU)
@pytest.mark.parametrize("batching", BATCHINGS)
def test_a_training_neither_reads_nor_moves_the_global_stream(engine: str, batching: str) -> None:
    results = []
    with torch.random.fork_rng(devices=[]):
        for seed in (1, 2):
            torch.default_generator.manual_seed(seed)
            before = torch.get_rng_state()
            results.append(fit(replace(SMALL, engine=engine, batching=batching)))
            assert torch.equal(torch.get_rng_state(), before)
    assert results[0] == results[1]


def test_another_seed_is_another_training() -> None:
    assert fit(SMALL).epoch_losses != fit(replace(SMALL, seed=2)).epoch_losses


# The digest


def test_the_digest_is_that_of_parameters_data_order_and_the_batches_handed_out() -> None:
    training = Training(replace(SMALL, num_epochs=2))
    expected = hashlib.sha256()
    for tensor in (*training.model.parameters(), training.data.features, training.data.targets):
        expected.update(tensor.detach().numpy().tobytes())
    for _ in range(2):
        expected.update(training.order.next_epoch().numpy().tobytes())
    training.order.restart()
    for features, targets in training.batching.epoch():
        for tensor in (features, targets):
            expected.update(repr(tuple(tensor.shape)).encode() + tensor.numpy().tobytes())
    assert fit(training.config).digest == expected.hexdigest()


def test_equal_work_has_equal_digests_however_it_is_done() -> None:
    digests = {
        fit(replace(SMALL, engine=engine, batching=batching)).digest for engine in ON_CPU for batching in BATCHINGS
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 2},
        {"num_epochs": 5},
        {"num_samples": 51},
        {"hidden_sizes": (16, 9)},
        {"high": 9.0},
        {"batch_size": 7},
        {"batch_size": 20, "drop_last": True},
    ],
)
def test_other_work_has_another_digest(changes: dict[str, int]) -> None:
    assert fit(replace(SMALL, **changes)).digest != fit(SMALL).digest  # type: ignore[arg-type]


def test_a_batching_that_always_feeds_the_same_samples_has_another_digest() -> None:
    training = Training(SMALL)
    shuffled = training.batching.epoch

    def first_rows_only() -> Iterator[Batch]:
        yield from [next(iter(shuffled()))] * SMALL.num_steps_per_epoch

    training.batching.epoch = first_rows_only  # type: ignore[method-assign]
    training.train(SMALL.num_epochs)
    assert training.result().digest != fit(SMALL).digest


def test_a_result_before_the_first_epoch_is_refused() -> None:
    with pytest.raises(ConfigError, match="train at least 1"):
        Training(SMALL).result()


# A training as a whole


def test_fit_is_set_up_preparation_epochs_and_result() -> None:
    result = fit(SMALL)
    training = Training(SMALL)
    losses = training.train(4)
    assert result == training.result()
    assert result.epoch_losses == tuple(losses)
    assert (result.config, result.device) == (SMALL, "cpu")
    assert result.training_accuracy == evaluate(training.model, training.data)
    assert len(result.shown_samples) == 10


def test_preparing_leaves_no_trace_in_the_training() -> None:
    training = Training(SMALL)
    training.prepare()
    assert training.epoch_losses == []
    assert training.order.num_epochs_drawn == 0
    assert all(parameter.grad is None for parameter in training.model.parameters())
    assert training.train(4) == Training(SMALL).train(4)


def test_progress_is_told_every_few_epochs_and_at_the_end() -> None:
    told: list[list[float]] = []

    def on_progress(losses: Sequence[float]) -> None:
        told.append(list(losses))

    result = fit(replace(SMALL, num_epochs=7, log_interval_epochs=3), on_progress)
    assert [len(losses) for losses in told] == [3, 6, 7]
    assert tuple(told[-1]) == result.epoch_losses
    assert told[0] == told[-1][:3]


def test_progress_changes_nothing() -> None:
    assert fit(SMALL) == fit(SMALL, lambda losses: None)


def test_the_device_is_waited_for_when_the_epochs_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []
    training = Training(SMALL)
    monkeypatch.setattr(type(training.device), "synchronize", lambda device: waited.append(device.name))
    run_epochs(training)
    assert waited == ["cpu"]
    training.restart()
    assert waited == ["cpu", "cpu"]


def test_the_loss_of_an_epoch_is_the_mean_over_its_samples() -> None:
    # A learning rate too small to change a float32 parameter: every batch meets the initial network.
    training = Training(replace(SMALL, learning_rate=1e-30))
    (loss,) = training.train(1)
    assert loss == pytest.approx(evaluate(training.model, training.data).mse, rel=1e-5)
    training.restart()
    batches = [mse_loss(training.model(inputs), targets).item() for inputs, targets in training.batching.epoch()]
    assert loss == pytest.approx((20 * batches[0] + 20 * batches[1] + 10 * batches[2]) / 50, rel=1e-6)
    assert loss != pytest.approx(sum(batches) / 3, rel=1e-4)


def test_a_device_that_is_not_there_is_refused_at_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(DeviceUnavailableError):
        Training(replace(SMALL, device="cuda"))


@pytest.mark.usefixtures("_threads_as_before")
@pytest.mark.parametrize("num_threads", [2, 1])
def test_the_number_of_threads_is_that_of_the_recipe(num_threads: int) -> None:
    Training(replace(SMALL, num_threads=num_threads))
    assert torch.get_num_threads() == num_threads


# Seen epoch by epoch


@pytest.mark.parametrize("engine", ON_CPU)
def test_a_training_that_is_seen_after_every_epoch_has_the_very_same_losses(engine: str) -> None:
    config = replace(SMALL, engine=engine, num_epochs=7, log_interval_epochs=3)
    seen: list[int] = []
    told: list[int] = []
    training = Training(config)
    run_epochs(
        training,
        on_progress=lambda losses: told.append(len(losses)),
        on_epoch=lambda training: seen.append(len(training.epoch_losses)),
    )
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert told == [3, 6, 7]
    assert training.result() == fit(config)
