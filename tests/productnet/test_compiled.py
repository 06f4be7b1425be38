"""The engine `compiled`: its steps as written, and once as TorchInductor compiles them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch._dynamo.utils import counters as dynamo_counters
from torch._inductor import cpp_builder
from torch._inductor.exc import InvalidCxxCompiler

from productnet.config import TrainConfig
from productnet.engines import compiled, flat
from productnet.engines.blocks import BlockEngine, plan_blocks
from productnet.engines.flat import FlatProgram, Steps
from productnet.errors import ModeUnavailableError
from productnet.model import MLP
from productnet.train import Training, fit

RECIPE = TrainConfig(device="cpu", engine="compiled", num_samples=450, batch_size=100, num_heldout_samples=20)


@pytest.mark.compiles
def test_compiled_steps_follow_the_reference_without_a_break_or_a_second_compilation() -> None:
    dynamo_counters.clear()
    config = replace(RECIPE, num_samples=230, batch_size=100, hidden_sizes=(7,))
    training = Training(config)
    training.prepare()
    assert dynamo_counters["stats"]["unique_graphs"] == 2  # two steps of 100 samples, and one of 30
    training.train(20)
    training.restart()
    losses = training.train(20)
    assert dynamo_counters["stats"]["unique_graphs"] == 2
    assert not dynamo_counters["graph_break"]
    expected = Training(replace(config, engine="reference"))
    assert losses == pytest.approx(expected.train(20), rel=1e-4)
    for parameter, other in zip(training.model.parameters(), expected.model.parameters(), strict=True):
        assert torch.allclose(parameter, other, rtol=0, atol=1e-5)
    assert training.result().digest == expected.result().digest


@pytest.mark.compiles
def test_steps_that_do_not_fit_one_graph_are_an_error() -> None:
    def broken(values: torch.Tensor) -> torch.Tensor:
        torch._dynamo.graph_break()
        return values + 1

    with pytest.raises(Exception, match=r"graph break"):
        compiled.compile_steps(broken, (torch.ones(2),))


@pytest.mark.compiles
def test_a_graph_changes_its_arguments_and_nothing_was_run_on_them_before() -> None:
    def subtract(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        difference = second - first
        second.add_(1)
        return difference

    first, second = torch.ones(3), torch.full((3,), 5.0)
    graph = compiled.compile_steps(subtract, (first, second))
    assert second.tolist() == [5, 5, 5]
    assert graph(first, second).tolist() == [4, 4, 4]
    assert second.tolist() == [6, 6, 6]
    with pytest.raises(AssertionError, match="expected size"):
        graph(first, torch.ones(4))


def test_each_shape_of_an_epoch_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []

    def watch(steps: Steps, arguments: tuple[torch.Tensor, ...]) -> Steps:
        shapes.append(tuple(arguments[-2].shape))
        return steps

    monkeypatch.setattr(compiled, "compile_steps", watch)
    monkeypatch.setattr(compiled, "STEPS_A_GRAPH", 3)
    training = Training(RECIPE)
    training.prepare()
    training.train(3)
    assert shapes == [(3, 100, 2), (1, 100, 2), (1, 50, 2)]


def test_how_many_steps_a_graph_has_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = Training(RECIPE).train(5)
    for num_steps in (1, 3, 10):
        monkeypatch.setattr(compiled, "STEPS_A_GRAPH", num_steps)
        assert Training(RECIPE).train(5) == losses


@pytest.mark.parametrize("largest", [0, flat.LARGEST_BROADCAST])
@pytest.mark.parametrize("hidden_sizes", [(), (5,), (16, 8), (3, 4, 5)])
def test_both_ways_to_write_a_layer_follow_the_reference(
    largest: int, hidden_sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flat, "LARGEST_BROADCAST", largest)
    config = replace(RECIPE, hidden_sizes=hidden_sizes)
    assert Training(config).train(10) == pytest.approx(
        Training(replace(config, engine="reference")).train(10), rel=1e-5
    )


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999, 1 - 1e-9])
def test_the_correction_is_that_of_float64_to_the_last_digits(beta: float) -> None:
    steps = torch.tensor([1.0, 2, 3, 10, 1_000, 100_000])
    exact = 1 - torch.tensor(beta, dtype=torch.float64) ** steps.double()
    assert torch.allclose(flat.correction(beta, steps).double(), exact, rtol=3e-7 if beta < 0.9999 else 1e-6, atol=0)


def test_a_power_in_float32_would_be_seen() -> None:
    step = torch.tensor(1.0)
    assert (1 - 0.999**step).item() != pytest.approx(0.001, rel=3e-6)


def test_the_vector_and_the_model_are_the_same_memory() -> None:
    model = MLP((2, 5, 1))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    vector = flat.flatten_parameters(model)
    assert all(torch.equal(*pair) for pair in zip(model.parameters(), before, strict=True))
    vector.zero_()
    assert not any(parameter.any() for parameter in model.parameters())
    with torch.no_grad():
        model.layers[1].bias.fill_(3)  # type: ignore[operator]
    assert vector[-1] == 3


def test_steps_are_counted_and_forgotten_by_a_restart() -> None:
    training = Training(RECIPE)
    training.train(2)
    assert training.engine.num_updates() == 10
    assert isinstance(training.engine, BlockEngine)
    assert isinstance(training.engine.program, FlatProgram)
    places = [tensor.data_ptr() for tensor in training.engine.program.tensors()]
    training.restart()
    assert training.engine.num_updates() == 0
    assert not any(moment.any() for moment in training.engine.optimizer_state())
    assert [tensor.data_ptr() for tensor in training.engine.program.tensors()] == places


def test_bfloat16_multiplies_in_it_and_float16_is_refused() -> None:
    exact, rounded = (fit(replace(RECIPE, precision=name, num_epochs=5)).epoch_losses for name in ("fp32", "bf16"))
    assert rounded == pytest.approx(exact, rel=0.02)
    assert rounded != pytest.approx(exact, rel=1e-5)
    with pytest.raises(ModeUnavailableError, match=r"engine compiled has no gradient scaler.*fp16.*use bf16 or fp32"):
        Training(replace(RECIPE, precision="fp16"))


@pytest.mark.parametrize("engine", ["compiled", "compiled-model"])
def test_without_a_compiler_the_engine_is_unavailable_with_the_remedy(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_none() -> str:
        raise InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", find_none)
    with pytest.raises(ModeUnavailableError, match=rf"engine {engine} needs a C\+\+ compiler.*install g\+\+ or clang"):
        Training(replace(RECIPE, engine=engine))


@pytest.mark.parametrize(
    ("batch_sizes", "most_steps", "blocks"),
    [
        ([100] * 10, 10, [(10, 100)]),
        ([100] * 10, 4, [(4, 100), (4, 100), (2, 100)]),
        ([100, 100, 50], 10, [(2, 100), (1, 50)]),
        ([7], 3, [(1, 7)]),
    ],
)
def test_an_epoch_is_cut_into_blocks_of_equal_batches(
    batch_sizes: list[int], most_steps: int, blocks: list[tuple[int, int]]
) -> None:
    assert list(plan_blocks(batch_sizes, most_steps)) == blocks
