"""The graph engines: their bookkeeping on the CPU through a fake of graphs, and the same tests on a card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from productnet.config import TrainConfig
from productnet.engines import graphed
from productnet.engines.blocks import BlockEngine
from productnet.engines.graphed import GraphProgram
from productnet.errors import ModeUnavailableError
from productnet.kinds import cpu, cuda
from productnet.train import Training, fit
from tests.productnet import tape
from tests.productnet.modes import GRAPHED

RECIPE = TrainConfig(num_samples=250, batch_size=100, num_heldout_samples=20, num_epochs=3)
on_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.compiles, on_a_card])])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    if name == "cpu":
        monkeypatch.setattr(cpu, "make_recorder", tape.make_recorder)
    return name


@pytest.fixture(params=GRAPHED)
def config(request: pytest.FixtureRequest, device: str) -> TrainConfig:
    return replace(RECIPE, engine=request.param, device=device)


def _program(training: Training) -> GraphProgram:
    assert isinstance(training.engine, BlockEngine)
    assert isinstance(training.engine.program, GraphProgram)
    return training.engine.program


def _places(training: Training) -> list[int]:
    return [tensor.data_ptr() for tensor in _program(training).tensors()]


def _values(training: Training) -> list[torch.Tensor]:
    return [tensor.detach().cpu().clone() for tensor in _program(training).tensors()]


def _are_equal(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return all(torch.equal(*pair) for pair in zip(first, second, strict=True))


def test_recording_leaves_everything_as_it_was_and_where_it_was(config: TrainConfig) -> None:
    training = Training(config)
    training.train(2)  # moments and counts are no longer 0
    places, values = _places(training), _values(training)
    assert all(value.abs().sum() > 0 for value in values)
    inputs = torch.randn(2, 50, 2, device=training.device.torch_device)
    _program(training)._make_graph(inputs, inputs[:, :, :1])
    assert _are_equal(_values(training), values)
    assert _places(training) == places


def test_an_epoch_that_records_trains_once_and_not_as_often_as_it_warms_up(config: TrainConfig) -> None:
    training = Training(config)
    first = training.train(1)
    assert training.engine.num_updates() == 3
    assert first == pytest.approx(Training(replace(config, engine="eager")).train(1), rel=1e-4)


def test_each_shape_of_block_is_recorded_once(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = []
    make_graph = GraphProgram._make_graph

    def watch(program: GraphProgram, inputs: torch.Tensor, targets: torch.Tensor) -> graphed.Graph:
        recorded.append(tuple(inputs.shape))
        return make_graph(program, inputs, targets)

    monkeypatch.setattr(GraphProgram, "_make_graph", watch)
    training = Training(config)
    training.prepare()
    training.train(3)
    assert recorded == [(2, 100, 2), (1, 50, 2)]


def test_steps_are_counted_through_replays_and_from_0_after_a_restart(config: TrainConfig) -> None:
    training = Training(config)
    training.train(4)
    assert training.engine.num_updates() == 12
    training.restart()
    assert training.engine.num_updates() == 0
    training.train(1)
    assert training.engine.num_updates() == 3


def test_a_restart_keeps_every_place_and_every_graph(config: TrainConfig) -> None:
    training = Training(config)
    losses, places = training.train(3), _places(training)
    graphs = dict(_program(training)._graphs)
    training.restart()
    assert all(not moment.any() for moment in training.engine.optimizer_state())
    assert training.train(3) == losses
    assert _places(training) == places
    assert _program(training)._graphs == graphs


def test_parameters_stay_those_of_the_model(config: TrainConfig) -> None:
    training = Training(config)
    before = [parameter.detach().clone() for parameter in training.model.parameters()]
    training.train(1)
    assert not any(torch.equal(*pair) for pair in zip(training.model.parameters(), before, strict=True))
    assert all(parameter.grad is None for parameter in training.model.parameters())


def test_many_blocks_of_one_shape_each_keep_their_own_losses(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Training(replace(config, batch_size=25)).train(3)
    monkeypatch.setattr(graphed, "MOST_STEPS", 3)
    cut = Training(replace(config, batch_size=25))
    assert cut.train(3) == pytest.approx(whole, rel=1e-6)
    assert sorted(shape[0] for shape in _program(cut)._graphs) == [1, 3]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_graphed_training_is_the_eager_one(config: TrainConfig, precision: str) -> None:
    config = replace(config, precision=precision, num_epochs=20)
    result, expected = fit(config), fit(replace(config, engine="eager"))
    assert result.digest == expected.digest
    assert result.epoch_losses == pytest.approx(expected.epoch_losses, rel=1e-4 if precision == "fp32" else 2e-2)
    assert result.heldout_accuracy.mse == pytest.approx(expected.heldout_accuracy.mse, rel=0.05)


@pytest.mark.usefixtures("device")
def test_recording_that_fails_is_an_error_and_never_a_silent_eager_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_work: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(cpu, "make_recorder", lambda index: fail)
    training = Training(replace(RECIPE, device="cpu", engine="graphed"))
    with pytest.raises(RuntimeError, match="not permitted"):
        training.train(1)


@pytest.mark.parametrize("engine", GRAPHED)
def test_without_graphs_the_engine_is_unavailable_with_the_reason(engine: str) -> None:
    with pytest.raises(ModeUnavailableError, match=f"engine {engine} needs a CUDA device: .* device cpu; use --engine"):
        Training(replace(RECIPE, device="cpu", engine=engine))


@pytest.mark.parametrize("engine", GRAPHED)
def test_float16_is_refused_with_the_reason(engine: str) -> None:
    with pytest.raises(ModeUnavailableError, match=f"engine {engine} has no gradient scaler.*fp16.*use bf16"):
        Training(replace(RECIPE, device="cpu", engine=engine, precision="fp16"))


def test_cuda_warms_up_on_a_stream_of_its_own_before_it_captures(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Stream:
        def __init__(self, name: str = "own") -> None:
            self.name = name

        def wait_stream(self, other: Stream) -> None:
            seen.append(f"{self.name} waits for {other.name}")

    class Graph:
        def replay(self) -> None:
            seen.append("replay")

    @contextmanager
    def within(what: object) -> Iterator[None]:
        names = {Stream: "on own stream", Graph: "capture", int: f"on card {what}"}
        seen.append(names[type(what)])
        yield
        seen.append("end")

    for name, fake in {
        "device": within,
        "stream": within,
        "graph": within,
        "Stream": Stream,
        "CUDAGraph": Graph,
    }.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: Stream("main"))
    replay = cuda.make_recorder(1)(lambda: seen.append("work"))
    replay()
    assert seen == [
        *("on card 1", "own waits for main", "on own stream", "work", "work", "work", "end", "main waits for own"),
        *("capture", "work", "end", "end"),
        *("on card 1", "replay", "end"),
    ]


# The fake: what it must not forgive


def test_the_fake_records_without_running_and_replays_into_the_same_memory() -> None:
    total = torch.zeros(3)
    kept: list[torch.Tensor] = []

    def work() -> None:
        doubled = total * 2
        kept.append(doubled)
        total.add_(1)

    replay = tape.record(work)
    assert total.tolist() == [tape.NUM_WARMUPS] * 3
    total.zero_()
    replay()
    replay()
    assert total.tolist() == [2] * 3
    assert kept[-1].tolist() == [2] * 3
    assert len(kept) == tape.NUM_WARMUPS + 1


def test_the_fake_does_not_see_a_tensor_that_took_anothers_place() -> None:
    state = {"total": torch.zeros(1)}

    def work() -> None:
        state["total"].add_(1)

    replay = tape.record(work)
    old, state["total"] = state["total"].zero_(), torch.zeros(1)
    replay()
    assert (old.item(), state["total"].item()) == (1, 0)
