"""A case of another shape trains that shape."""

from __future__ import annotations

import msgspec

from bench.records.case import Shape
from bench.workloads.productnet import ProductNet, count_multiply_adds
from productnet.config import TrainConfig
from tests.bench.runs import make_case


def test_a_case_trains_the_sizes_that_it_names() -> None:
    shape = Shape(batch_size=50, hidden_sizes=(4, 4, 2), num_samples=500)
    workload = ProductNet(msgspec.structs.replace(make_case("eager"), shape=shape), seed=1)
    assert (workload.num_steps_per_epoch, workload.num_samples_per_epoch) == (10, 500)
    assert [tuple(each.shape) for each in workload.training.model.parameters() if each.dim() == 2] == [
        (4, 2),
        (4, 4),
        (2, 4),
        (1, 2),
    ]
    assert workload.num_multiply_adds_per_step == 50 * shape.multiply_adds_per_sample


def test_the_usual_sizes_are_the_recipe_s() -> None:
    recipe = TrainConfig()
    shape = Shape()
    assert TrainConfig(**msgspec.structs.asdict(shape)) == recipe
    assert count_multiply_adds(recipe) == recipe.batch_size * shape.multiply_adds_per_sample
    assert shape.multiply_adds_per_sample == 472
