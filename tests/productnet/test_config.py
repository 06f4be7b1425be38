from __future__ import annotations

import math
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import productnet
from productnet.config import TrainConfig, make_config
from productnet.errors import ConfigError, ProductNetError

ROOT = Path(productnet.__file__).parents[1]

IMPOSSIBLE = [
    # value, and what the message names: the value as given, and the remedy
    ({"device": "gpu"}, ("device", "'gpu'", "use one of cpu, cuda, cuda:N, mps, auto")),
    ({"engine": "turbo"}, ("engine", "'turbo'", "use one of reference, eager")),
    ({"engine": ""}, ("engine", "''", "use one of reference")),
    ({"batching": "automatic"}, ("batching", "'automatic'", "use one of manual, dataloader")),
    ({"batching": "manual:2"}, ("'manual:2'", "a loader with 1 to 64 worker processes, say dataloader:2")),
    *(
        ({"batching": f"dataloader:{count}"}, (f"'dataloader:{count}'", "1 to 64"))
        for count in ("", "0", "x", "02", 65)
    ),
    ({"batching": 2}, ("batching 2 is not known",)),
    ({"num_threads": 0}, ("num_threads", "0", "use at least 1")),
    ({"num_threads": -1}, ("num_threads", "-1", "use at least 1")),
    ({"num_threads": 3_000_000_000}, ("num_threads", "3000000000", "use at most 1024")),
    ({"seed": -1}, ("seed", "-1", "use at least 0")),
    ({"seed": 2**63}, ("seed", str(2**63), f"use at most {2**63 - 1 - 1_000_000}")),
    ({"seed": 2**63 - 1_000_000}, ("seed", str(2**63 - 1_000_000), f"use at most {2**63 - 1 - 1_000_000}")),
    ({"seed": 1.0}, ("seed", "1.0", "whole number")),
    ({"num_samples": 1, "batch_size": 1}, ("num_samples", "1", "use at least 2")),
    ({"num_samples": 0}, ("num_samples", "0", "use at least 2")),
    ({"num_heldout_samples": 1}, ("num_heldout_samples", "1", "use at least 2")),
    ({"num_shown_samples": -1}, ("num_shown_samples", "-1", "use at least 0")),
    ({"heldout_seed_offset": 0}, ("heldout_seed_offset", "0", "use at least 1")),
    ({"hidden_sizes": (0,)}, ("hidden_sizes", "0", "use at least 1")),
    ({"hidden_sizes": (16, -8)}, ("hidden_sizes", "-8", "use at least 1")),
    ({"hidden_sizes": (16, 8.0)}, ("hidden_sizes", "8.0", "whole number")),
    ({"batch_size": 0}, ("batch_size", "0", "use at least 1")),
    ({"batch_size": 1_001}, ("batch_size", "1001", "larger than the data", "use at most 1000")),
    ({"batch_size": 100, "num_samples": 99}, ("batch_size", "100", "use at most 99")),
    ({"num_epochs": 0}, ("num_epochs", "0", "use at least 1")),
    ({"num_epochs": "10"}, ("num_epochs", "'10'", "whole number")),
    ({"log_interval_epochs": 0}, ("log_interval_epochs", "0", "use at least 1")),
    ({"learning_rate": math.nan}, ("learning_rate", "nan", "finite number", "0.001")),
    ({"learning_rate": math.inf}, ("learning_rate", "inf", "finite number")),
    ({"learning_rate": 0.0}, ("learning_rate", "0.0", "above 0")),
    ({"learning_rate": -1e-3}, ("learning_rate", "-0.001", "above 0")),
    ({"learning_rate": 3.5e37}, ("learning_rate", "3.5e+37", "overflows float32", "1e-3")),
    ({"learning_rate": 1e30, "beta1": 1 - 2**-53}, ("1e+30", "beta1 0.99", "overflows float32", "0.9")),
    ({"epsilon": 0.0}, ("epsilon", "0.0", "above 0")),
    ({"epsilon": math.nan}, ("epsilon", "nan", "finite number")),
    ({"beta1": 1.0}, ("beta1", "1.0", "[0, 1)", "0.9")),
    ({"beta1": -0.1}, ("beta1", "-0.1", "[0, 1)")),
    ({"beta2": math.nan}, ("beta2", "nan", "finite number")),
    ({"beta2": 1.5}, ("beta2", "1.5", "[0, 1)")),
    ({"low": 10.0}, ("low", "10.0", "not below high 10.0", "use, say, 1 and 10")),
    ({"low": 11.0}, ("low", "11.0", "not below high 10.0")),
    ({"low": math.nan}, ("nan", "finite number")),
    ({"low": -math.inf}, ("-inf", "finite number")),
    ({"high": math.inf}, ("inf", "finite number")),
    ({"learning_rate": True}, ("learning_rate", "True", "finite number")),
    ({"learning_rate": "0.1"}, ("learning_rate", "'0.1'", "finite number")),
    ({"hidden_sizes": [16, 8]}, ("hidden_sizes", "[16, 8]", "tuple")),
]


@pytest.mark.parametrize(("changes", "named"), IMPOSSIBLE, ids=lambda value: str(value)[:40])
def test_an_impossible_value_is_refused_with_the_value_the_expectation_and_the_remedy(
    changes: dict[str, object], named: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig(**changes)  # type: ignore[arg-type]
    for part in named:
        assert part in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "name",
    [
        "num_threads",
        "seed",
        "num_samples",
        "num_heldout_samples",
        "num_shown_samples",
        "heldout_seed_offset",
        "batch_size",
        "num_epochs",
        "log_interval_epochs",
    ],
)
@pytest.mark.parametrize("value", [True, 2.0, "2", None])
def test_a_count_is_a_whole_number_and_neither_a_bool_nor_a_float_nor_a_text(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"{name} {value!r} is not a whole number"):
        TrainConfig(**{name: value})  # type: ignore[arg-type]


def test_a_bool_is_no_width() -> None:
    with pytest.raises(ConfigError, match="hidden_sizes True is not a whole number"):
        TrainConfig(hidden_sizes=(True,))


def test_values_on_the_borders_are_accepted() -> None:
    TrainConfig(num_samples=2, num_heldout_samples=2, batch_size=2, num_epochs=1, log_interval_epochs=1)
    TrainConfig(num_samples=100, batch_size=100)
    TrainConfig(seed=0)
    TrainConfig(seed=2**63 - 1 - 1_000_000)
    TrainConfig(num_shown_samples=0, hidden_sizes=(), beta1=0.0, beta2=0.0)
    TrainConfig(hidden_sizes=(1,), low=-1.0, high=-0.5, learning_rate=1e10, num_threads=1024)


def test_the_defaults_are_the_recipe_of_the_article() -> None:
    recipe = TrainConfig()
    assert (recipe.num_samples, recipe.low, recipe.high) == (1_000, 1.0, 10.0)
    assert recipe.layer_sizes == (2, 16, 8, 1)
    assert (recipe.learning_rate, recipe.beta1, recipe.beta2, recipe.epsilon) == (1e-3, 0.9, 0.999, 1e-8)
    assert (recipe.batch_size, recipe.num_epochs, recipe.log_interval_epochs) == (100, 1_000, 10)
    assert (recipe.num_heldout_samples, recipe.heldout_seed_offset, recipe.seed) == (10_000, 1_000_000, 1)
    assert recipe.num_steps_per_epoch * recipe.num_epochs == 10_000


def test_a_recipe_is_frozen_and_serves_as_a_key() -> None:
    recipe = TrainConfig()
    with pytest.raises(AttributeError):
        recipe.seed = 2  # type: ignore[misc]
    assert {recipe: 1}[TrainConfig()] == 1
    assert TrainConfig(seed=2) != recipe


def test_a_last_batch_holds_the_rest() -> None:
    assert TrainConfig(num_samples=10, batch_size=4).batch_sizes == [4, 4, 2]
    assert TrainConfig(num_samples=8, batch_size=4).batch_sizes == [4, 4]
    assert TrainConfig(num_samples=10, batch_size=4).num_steps_per_epoch == 3


@given(num_samples=st.integers(2, 5_000), data=st.data())
def test_batches_hold_every_sample_once_and_only_the_last_is_smaller(num_samples: int, data: st.DataObject) -> None:
    batch_size = data.draw(st.integers(1, num_samples))
    sizes = TrainConfig(num_samples=num_samples, batch_size=batch_size).batch_sizes
    assert sum(sizes) == num_samples
    assert set(sizes[:-1]) <= {batch_size}
    assert 1 <= sizes[-1] <= batch_size


def test_a_configuration_error_is_an_error_of_the_package() -> None:
    assert issubclass(ConfigError, ProductNetError)
    assert ConfigError.exit_code == 2


@pytest.mark.parametrize(
    "statement",
    [
        "import productnet",
        "import productnet.errors",
        "from productnet import ConfigError, TrainConfig; TrainConfig(device='cuda:1', engine='eager')",
        "import productnet; assert {'reference', 'eager'} <= set(productnet.ENGINES)",
        "import productnet.__main__ as door; door.make_parser().format_help()",
    ],
)
def test_names_and_recipes_cost_no_import_of_torch(statement: str) -> None:
    program = f"import sys; {statement}; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False False\n"


def test_every_public_name_is_the_same_thing_before_and_after_its_module_is_loaded() -> None:
    for _ in range(2):
        for name in productnet.__all__:
            home = import_module(f"productnet.{productnet._HOME_OF[name]}")
            assert getattr(productnet, name) is getattr(home, name)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Trainer'"):
        _ = productnet.Trainer


def test_settings_from_a_file_are_a_recipe_and_what_is_not_set_is_the_default() -> None:
    assert make_config({}) == TrainConfig()
    assert make_config({"seed": 3, "hidden_sizes": [4, 2]}) == TrainConfig(seed=3, hidden_sizes=(4, 2))


@pytest.mark.parametrize("name", ["learning_rat", "__class__", "layer_sizes", ""])
def test_a_setting_that_is_none_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} is no setting: use device, .*heldout_seed_offset$"):
        make_config({name: 1})
