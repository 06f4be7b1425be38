from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from productnet.config import TrainConfig
from productnet.model import MLP, describe_network


def test_the_network_of_the_article_has_193_parameters() -> None:
    model = MLP(TrainConfig().layer_sizes)
    # 2 * 16 + 16, 16 * 8 + 8, 8 * 1 + 1
    assert [parameter.numel() for parameter in model.parameters()] == [32, 16, 128, 8, 8, 1]
    assert sum(parameter.numel() for parameter in model.parameters()) == 193
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def _fill(model: MLP, values: list[list[list[float]] | list[float]]) -> None:
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value))


def test_a_forward_pass_is_the_one_worked_by_hand() -> None:
    model = MLP((2, 2, 1))
    _fill(model, [[[1.0, 2.0], [-1.0, 1.0]], [0.5, -0.5], [[3.0, -4.0]], [0.25]])
    # (1, 1): hidden 3.5 and -0.5 -> 0; 3 * 3.5 + 0.25.   (-1, 2): 3.5 and 2.5; 10.5 - 10 + 0.25.
    # (-2, 0): -1.5 -> 0 and 1.5; -6 + 0.25: the output passes through no ReLU.
    outputs = model(torch.tensor([[1.0, 1.0], [-1.0, 2.0], [-2.0, 0.0]]))
    assert outputs.tolist() == [[10.75], [0.75], [-5.75]]


def test_every_hidden_layer_has_its_relu() -> None:
    model = MLP((1, 1, 1, 1))
    _fill(model, [[[1.0]], [0.0], [[-1.0]], [0.0], [[1.0]], [2.0]])
    # 3 -> 3 -> -3 cut to 0 -> 2
    assert model(torch.tensor([[3.0]])).item() == 2.0


def test_without_hidden_layers_the_network_is_linear() -> None:
    model = MLP((2, 1))
    _fill(model, [[[2.0, -3.0]], [1.0]])
    assert model(torch.tensor([[-1.0, 1.0]])).item() == -4.0


def test_parameters_start_as_the_stock_layers_do_drawn_from_input_to_output() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(7)
        parameters = [parameter for size in pairwise((2, 5, 3, 1)) for parameter in torch.nn.Linear(*size).parameters()]
        torch.default_generator.manual_seed(7)
        model = MLP((2, 5, 3, 1))
    assert all(torch.equal(*pair) for pair in zip(model.parameters(), parameters, strict=True))


@settings(max_examples=20)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=5), st.integers(1, 7))
def test_any_widths_give_their_parameters_and_their_shape(layer_sizes: list[int], batch: int) -> None:
    model = MLP(layer_sizes)
    expected = sum(fan_in * fan_out + fan_out for fan_in, fan_out in pairwise(layer_sizes))
    assert sum(parameter.numel() for parameter in model.parameters()) == expected
    assert model(torch.zeros(batch, layer_sizes[0])).shape == (batch, layer_sizes[-1])


def test_inputs_of_another_width_are_refused() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        MLP((2, 1))(torch.zeros(1, 3))


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6))
def test_a_description_names_every_layer_and_counts_every_parameter(layer_sizes: list[int]) -> None:
    model = MLP(layer_sizes)
    layers, _, count = describe_network(layer_sizes).partition(": ")
    assert layers.split(", ReLU, ") == [f"Linear {layer.in_features}-{layer.out_features}" for layer in model.layers]
    assert count == f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters"
