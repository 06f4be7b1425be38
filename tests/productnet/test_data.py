from __future__ import annotations

import math
from statistics import fmean, pvariance, stdev

import pytest
import torch

from productnet.config import TrainConfig
from productnet.data import Dataset, Statistics, draw_heldout_data, draw_training_data, unstandardise_targets
from productnet.model import MLP

SMALL = TrainConfig(device="cpu", num_samples=7, batch_size=7, num_heldout_samples=50)


def _draw(config: TrainConfig, seed: int = 1) -> Dataset:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return draw_training_data(config)


def test_the_first_sample_at_seed_1_is_the_known_one() -> None:
    config = TrainConfig(device="cpu")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        MLP(config.layer_sizes)
        data = draw_training_data(config)
    assert [f"{value:.4f}" for value in data.values[0].tolist()] == ["5.7549", "3.4901", "20.0850"]


def test_all_of_x1_is_drawn_before_x2_and_y_is_their_product() -> None:
    data = _draw(SMALL, seed=5)
    numbers = torch.rand(14, generator=torch.Generator().manual_seed(5))
    assert torch.equal(data.values[:, 0], 1 + 9 * numbers[:7])
    assert torch.equal(data.values[:, 1], 1 + 9 * numbers[7:])
    assert torch.equal(data.values[:, 2], data.values[:, 0] * data.values[:, 1])


def test_inputs_fill_the_range_of_the_recipe() -> None:
    values = _draw(TrainConfig(device="cpu", low=-2.0, high=3.0)).values[:, :2]
    assert -2 <= values.min() < -1.9
    assert 2.9 < values.max() < 3


def test_the_statistics_are_the_mean_and_the_sample_standard_deviation_of_each_quantity() -> None:
    data = _draw(SMALL)
    for column in range(3):
        numbers = data.values[:, column].tolist()
        assert data.statistics.mean[column].item() == pytest.approx(fmean(numbers), rel=1e-6)
        # n - 1 and n differ by 8 % at seven samples
        assert data.statistics.std[column].item() == pytest.approx(stdev(numbers), rel=1e-6)
        assert data.statistics.std[column].item() != pytest.approx(math.sqrt(pvariance(numbers)), rel=1e-2)


def test_the_statistics_add_each_quantity_in_the_order_of_a_row_of_its_own() -> None:
    # Strided memory is added in another order, and one digit that differs here is another final loss.
    data = _draw(TrainConfig(device="cpu"))
    for column in range(3):
        row = data.values[:, column].clone()
        assert data.statistics.mean[column] == row.mean()
        assert data.statistics.std[column] == row.std()


def test_each_quantity_is_standardised_on_its_own() -> None:
    data = _draw(SMALL)
    assert data.features.shape == (7, 2)
    assert data.targets.shape == (7, 1)
    seen = torch.cat((data.features, data.targets), dim=1)
    assert seen.dtype == torch.float32
    for column in range(3):
        numbers = data.values[:, column].tolist()
        expected = [(number - fmean(numbers)) / stdev(numbers) for number in numbers]
        assert seen[:, column].tolist() == pytest.approx(expected, abs=1e-5)
    assert data.features.is_contiguous()
    assert data.targets.is_contiguous()


def test_unstandardising_goes_back_to_the_original_units() -> None:
    data = _draw(TrainConfig(device="cpu"))
    back = unstandardise_targets(data.targets, data.statistics)
    assert torch.allclose(back.squeeze(1), data.values[:, 2], rtol=1e-5, atol=1e-4)


def test_unstandardising_uses_the_statistics_of_y_for_any_shape() -> None:
    statistics = Statistics(mean=torch.tensor([1.0, 2.0, 30.0]), std=torch.tensor([4.0, 5.0, 20.0]))
    assert unstandardise_targets(torch.tensor([[0.5], [-1.0]]), statistics).tolist() == [[40.0], [10.0]]
    assert unstandardise_targets(torch.tensor(2.0), statistics).item() == 70.0


def test_heldout_samples_come_from_the_seed_plus_a_million() -> None:
    config = TrainConfig(device="cpu", seed=4, num_heldout_samples=50)
    values = draw_heldout_data(config, _draw(config).statistics).values
    numbers = torch.rand(100, generator=torch.Generator().manual_seed(1_000_004))
    assert torch.equal(values[:, 0], 1 + 9 * numbers[:50])
    assert torch.equal(values[:, 1], 1 + 9 * numbers[50:])


def test_heldout_samples_are_standardised_with_the_statistics_of_the_training_set() -> None:
    training = _draw(SMALL)
    heldout = draw_heldout_data(SMALL, training.statistics)
    assert torch.equal(heldout.statistics.mean, training.statistics.mean)
    assert torch.equal(heldout.statistics.std, training.statistics.std)
    mean, std = training.statistics.mean, training.statistics.std
    assert torch.allclose(heldout.features, (heldout.values[:, :2] - mean[:2]) / std[:2])
    assert torch.allclose(heldout.targets, (heldout.values[:, 2:] - mean[2:]) / std[2:])
    # With statistics of their own their mean would be 0.
    assert abs(heldout.features.mean(dim=0)).max() > 0.05


def test_the_heldout_draw_leaves_the_global_stream_alone() -> None:
    statistics = _draw(SMALL).statistics
    before = torch.get_rng_state()
    draw_heldout_data(SMALL, statistics)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_largest_seed_can_be_drawn() -> None:
    config = TrainConfig(device="cpu", seed=2**63 - 1 - 1_000_000, num_heldout_samples=2)
    assert draw_heldout_data(config, _draw(SMALL).statistics).values.shape == (2, 3)
