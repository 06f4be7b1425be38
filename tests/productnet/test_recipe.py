from __future__ import annotations

import tomllib
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from productnet.config import TrainConfig, make_config
from productnet.errors import ConfigError
from productnet.recipe import format_recipe, read_recipe


@st.composite
def recipes(draw: st.DrawFn) -> TrainConfig:
    num_samples = draw(st.integers(2, 10**12))
    low = draw(st.floats(-1e300, 1e300) | st.integers(-9, 9))
    return TrainConfig(
        device=draw(st.sampled_from(["auto", "cpu", "cuda:3", "mps"])),
        precision=draw(st.sampled_from(["fp32", "amp"])),
        seed=draw(st.integers(0, 2**63 - 1 - 1_000_000)),
        num_samples=num_samples,
        batch_size=draw(st.integers(1, num_samples)),
        low=low,
        high=draw(st.floats(low, 1e305, exclude_min=True)),
        hidden_sizes=tuple(draw(st.lists(st.integers(1, 10**6), max_size=5))),
        learning_rate=draw(st.floats(5e-324, 1e30)),
        beta1=draw(st.floats(0, 0.999)),
        drop_last=draw(st.booleans()),
    )


@given(recipes())
def test_every_recipe_comes_back_from_toml_as_it_was(recipe: TrainConfig) -> None:
    settings = tomllib.loads(format_recipe(recipe))
    assert make_config(settings) == recipe
    assert {name: type(value) for name, value in settings.items() if name != "hidden_sizes"} == {
        name: type(value) for name, value in asdict(recipe).items() if name != "hidden_sizes"
    }


def test_a_recipe_has_a_line_for_every_setting_under_its_own_name() -> None:
    lines = format_recipe(TrainConfig()).splitlines()
    assert lines[0].startswith("#")
    assert [line.split(" = ")[0] for line in lines[1:]] == [field.name for field in fields(TrainConfig)]
    assert {"seed = 1", "hidden_sizes = [16, 8]", 'engine = "reference"', "drop_last = false"} <= set(lines)


def test_a_number_of_another_library_is_written_as_a_number() -> None:
    class Shouting(float):
        def __repr__(self) -> str:
            return f"shouting({float(self)})"

    assert "learning_rate = 0.01" in format_recipe(TrainConfig(learning_rate=Shouting(0.01))).splitlines()


def test_a_file_may_set_some_and_leave_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("seed = 7 # lucky\nhidden_sizes = [4]\n", encoding="utf-8")
    assert read_recipe(path) == {"seed": 7, "hidden_sizes": [4]}
    assert make_config(read_recipe(path)) == TrainConfig(seed=7, hidden_sizes=(4,))


@pytest.mark.parametrize(
    "content", [b"seed", b"seed = ", b"seed = 1\nseed = 2", b"\xff\xfe", b"a = " + b"[" * 100_000, b"\x00"]
)
def test_a_file_that_is_no_toml_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_recipe(path)
    assert str(caught.value).startswith(f"--config {path} is no TOML: ")


@pytest.mark.parametrize(("name", "reason"), [("missing.toml", "No such file"), (".", ""), ("a" * 300, "too long")])
def test_a_file_that_can_not_be_read_is_refused_with_its_name(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"can't be read: .*{reason}.*; name a recipe in TOML"):
        read_recipe(tmp_path / name)
