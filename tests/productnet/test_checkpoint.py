from __future__ import annotations

import json
import os
import pickle
from contextlib import suppress
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from productnet.checkpoint import Checkpoint, can_predict, load_checkpoint, save_checkpoint, take_checkpoint
from productnet.config import TrainConfig
from productnet.data import Statistics
from productnet.errors import CheckpointError, ConfigError
from productnet.evaluate import evaluate, multiply
from productnet.train import Training

SMALL = TrainConfig(device="cpu", num_samples=50, batch_size=20, num_epochs=4, num_heldout_samples=30)


@pytest.fixture(name="training", scope="module")
def _training() -> Training:
    training = Training(SMALL)
    training.train(4)
    return training


@pytest.fixture(name="checkpoint")
def _checkpoint(training: Training) -> Checkpoint:
    return take_checkpoint(training)


@pytest.fixture(name="path")
def _path(tmp_path: Path, checkpoint: Checkpoint) -> Path:
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, checkpoint)
    return path


def _is_same(one: Checkpoint, other: Checkpoint) -> bool:
    return (
        (one.config, one.num_epochs, one.epoch_loss) == (other.config, other.num_epochs, other.epoch_loss)
        and torch.equal(one.statistics.mean, other.statistics.mean)
        and torch.equal(one.statistics.std, other.statistics.std)
        and sorted(one.parameters) == sorted(other.parameters)
        and all(torch.equal(one.parameters[name], other.parameters[name]) for name in one.parameters)
    )


# There and back


def test_a_checkpoint_comes_back_as_it_was(path: Path, checkpoint: Checkpoint) -> None:
    loaded = load_checkpoint(path)
    assert _is_same(loaded, checkpoint)
    assert loaded.config == SMALL
    assert loaded.num_epochs == 4


def test_a_checkpoint_alone_predicts_what_the_training_would(path: Path, training: Training) -> None:
    loaded = load_checkpoint(path)
    model = loaded.make_model()
    assert evaluate(model, training.data) == evaluate(training.model, training.data)
    product = multiply(model, torch.tensor([[3.0, 4.0]]), loaded.statistics)
    mean, std = training.data.statistics.mean, training.data.statistics.std
    with torch.no_grad():
        by_hand = training.model((torch.tensor([[3.0, 4.0]]) - mean[:2]) / std[:2]) * std[2] + mean[2]
    assert torch.equal(product, by_hand.squeeze(1))


def test_a_checkpoint_keeps_its_numbers_when_the_training_or_its_network_goes_on() -> None:
    training = Training(SMALL)
    training.train(1)
    checkpoint = take_checkpoint(training)
    before = {name: tensor.clone() for name, tensor in checkpoint.parameters.items()}
    training.train(1)
    with torch.no_grad():
        for parameter in checkpoint.make_model().parameters():
            parameter.fill_(7.0)
    assert all(torch.equal(before[name], checkpoint.parameters[name]) for name in before)
    assert checkpoint.num_epochs == 1


def test_making_the_network_draws_no_random_numbers_and_gives_one_that_can_be_trained(checkpoint: Checkpoint) -> None:
    before = torch.get_rng_state()
    model = checkpoint.make_model()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.requires_grad and parameter.device.type == "cpu" for parameter in model.parameters())


def test_equal_checkpoints_are_equal_files(tmp_path: Path, path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path / "again", checkpoint)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_any_safetensors_reader_finds_the_weights_by_the_names_of_the_network(path: Path, training: Training) -> None:
    tensors = load(path.read_bytes())
    state = training.model.state_dict()
    assert tensors.keys() == state.keys()
    assert all(torch.equal(tensors[name], state[name]) for name in state)


FINITE32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
POSITIVE32 = st.floats(min_value=2.0**-100, max_value=2.0**100, width=32)


@st.composite
def checkpoints(draw: st.DrawFn) -> Checkpoint:
    num_samples = draw(st.integers(2, 500))
    low = draw(st.floats(-1e6, 1e6))
    config = TrainConfig(
        device=draw(st.sampled_from(["auto", "cpu", "cuda:3", "mps"])),
        engine=draw(st.sampled_from(["reference", "eager", "compiled-model"])),
        seed=draw(st.integers(0, 2**63 - 1 - 1_000_000)),
        num_samples=num_samples,
        batch_size=draw(st.integers(1, num_samples)),
        low=low,
        high=low + draw(st.floats(1e-3, 1e6)),
        hidden_sizes=tuple(draw(st.lists(st.integers(1, 9), max_size=4))),
        learning_rate=draw(st.floats(1e-300, 1e30)),
        drop_last=draw(st.booleans()),
    )
    numbers = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    parameters = {}
    for number, (fan_in, fan_out) in enumerate(pairwise(config.layer_sizes)):
        parameters[f"layers.{number}.weight"] = torch.randn(fan_out, fan_in, generator=numbers)
        parameters[f"layers.{number}.bias"] = torch.randn(fan_out, generator=numbers)
    mean = torch.tensor(draw(st.tuples(FINITE32, FINITE32, FINITE32)))
    std = torch.tensor(draw(st.tuples(POSITIVE32, POSITIVE32, POSITIVE32)))
    num_epochs, loss = draw(st.none() | st.integers(1, 10**9)), draw(st.none() | st.floats(0, 1e30))
    return Checkpoint(config, Statistics(mean, std), parameters, num_epochs, loss)


@settings(max_examples=60)
@given(checkpoint=checkpoints())
def test_every_checkpoint_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, checkpoint: Checkpoint
) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.safetensors"
    save_checkpoint(path, checkpoint)
    assert _is_same(load_checkpoint(path), checkpoint)


# Written whole or not at all


def test_a_checkpoint_replaces_the_one_before_and_leaves_nothing_else(path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(path, replace(checkpoint, num_epochs=5))
    assert load_checkpoint(path).num_epochs == 5
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failing", ["write_bytes", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_checkpoint_of_before_and_no_half(
    path: Path, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, failing: str, error: BaseException
) -> None:
    before = path.read_bytes()

    def fail(partial: Path, what: Any) -> None:
        if failing == "write_bytes":
            with partial.open("wb") as file:
                file.write(what[:100])
        raise error

    monkeypatch.setattr(Path, failing, fail)
    with pytest.raises(type(error)):
        save_checkpoint(path, replace(checkpoint, num_epochs=5))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_the_systems_error(tmp_path: Path, checkpoint: Checkpoint) -> None:
    with pytest.raises(FileNotFoundError):
        save_checkpoint(tmp_path / "missing" / "best.safetensors", checkpoint)


def test_a_checkpoint_has_the_permissions_of_any_new_file(path: Path) -> None:
    (path.parent / "new").touch()
    assert path.stat().st_mode == (path.parent / "new").stat().st_mode


# Damaged, foreign, mismatched


def _describe(checkpoint: Checkpoint, **changes: Any) -> dict[str, Any]:
    description = {
        "schema_version": 1,
        "config": asdict(checkpoint.config),
        "statistics": {"mean": checkpoint.statistics.mean.tolist(), "std": checkpoint.statistics.std.tolist()},
        "num_epochs": 4,
        "epoch_loss": 0.5,
    }
    return {name: value for name, value in {**description, **changes}.items() if value != "absent"}


def _write(path: Path, checkpoint: Checkpoint, description: Any = None, **tensors: torch.Tensor | None) -> None:
    """Write a file as `save_checkpoint` does, but for what is given."""
    changed = {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    merged = {**checkpoint.parameters, **changed}
    text = json.dumps(_describe(checkpoint) if description is None else description)
    path.write_bytes(save({name: it for name, it in merged.items() if it is not None}, {"productnet": text}))


def _check_refused(path: Path, *named: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert caught.value.exit_code == 5
    for part in named:
        assert part in message


def test_the_file_that_these_tests_damage_is_sound(path: Path, checkpoint: Checkpoint) -> None:
    _write(path, checkpoint)
    assert load_checkpoint(path).epoch_loss == 0.5


@pytest.mark.parametrize("kept", [0, 3, 8, 100, -1, -400])
def test_a_truncated_file_is_refused(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    _check_refused(path, "no whole safetensors file")


@pytest.mark.parametrize("content", [b"", b"hello, world", b"\x80\x02}q\x00.", bytes(1_000), b"\xff" * 1_000])
def test_a_file_of_another_kind_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    _check_refused(path)


def test_a_pickle_is_refused_and_not_run(path: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    path.write_bytes(pickle.dumps(Trap()))
    _check_refused(path)
    torch.save({"fc.weight": Trap()}, path)
    _check_refused(path)
    assert not (tmp_path / "sprung").exists()


def test_a_header_that_announces_more_than_any_of_ours_is_refused_unread(path: Path) -> None:
    path.write_bytes((17 * 1024**2).to_bytes(8, "little") + b" " * 17 * 1024**2)
    _check_refused(path, "header of 17,825,792 bytes", "at most 16,777,216")
    path.write_bytes((2**63).to_bytes(8, "little") + b"{}")
    _check_refused(path, "header of")


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_the_safetensors_of_another_program_are_refused(
    path: Path, checkpoint: Checkpoint, metadata: dict[str, str] | None
) -> None:
    path.write_bytes(save(dict(checkpoint.parameters), metadata))
    _check_refused(path, "metadata has no 'productnet'", "another program")


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"config": ' + "9" * 5_000 + "}", "[1]", "3"])
def test_metadata_that_is_no_object_of_json_is_refused(path: Path, checkpoint: Checkpoint, text: str) -> None:
    path.write_bytes(save(dict(checkpoint.parameters), {"productnet": text}))
    _check_refused(path, "metadata 'productnet' is no JSON")


@pytest.mark.parametrize("version", [2, 0, "1", True, None, "absent", [1]])
def test_another_version_of_the_schema_is_refused(path: Path, checkpoint: Checkpoint, version: object) -> None:
    _write(path, checkpoint, _describe(checkpoint, schema_version=version))
    _check_refused(path, "schema_version", "this program reads 1")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": -1}, "config.seed -1 is too small"),
        ({"seed": "1"}, "config.seed '1' is not a whole number"),
        ({"seed": None}, "config.seed None is not a whole number"),
        ({"seed": 10**4_000}, "config.seed 1000"),
        ({"learning_rate": float("nan")}, "config.learning_rate nan"),
        ({"learning_rate": [1]}, "config.learning_rate (1,)"),
        ({"hidden_sizes": 16}, "config.hidden_sizes 16"),
        ({"hidden_sizes": ["16", 8]}, "config.hidden_sizes '16'"),
        ({"engine": "turbo"}, "config.engine 'turbo'"),
        ({"engine": {"name": "eager"}}, "config.engine"),
        ({"device": 3}, "config.device 3"),
        ({"drop_last": 1}, "config.drop_last 1"),
        ({"momentum": 0.9}, "config.momentum is no setting"),
    ],
)
def test_an_impossible_configuration_is_refused_with_its_field(
    path: Path, checkpoint: Checkpoint, changes: dict[str, Any], named: str
) -> None:
    _write(path, checkpoint, _describe(checkpoint, config={**asdict(SMALL), **changes}))
    _check_refused(path, named)


@pytest.mark.parametrize("config", ["absent", None, [], "recipe"])
def test_a_configuration_that_is_none_is_refused(path: Path, checkpoint: Checkpoint, config: object) -> None:
    _write(path, checkpoint, _describe(checkpoint, config=config))
    _check_refused(path, "config", "no JSON object")


@pytest.mark.parametrize("name", ["mean", "std"])
@pytest.mark.parametrize(
    "values",
    [
        None,
        5.0,
        [5.0, 5.0],
        [5.0, 5.0, 25.0, 1.0],
        [5.0, 5.0, float("nan")],
        [5.0, 5.0, float("inf")],
        [5.0, 5.0, 1e39],
        [5.0, 5.0, 10**400],
        [5.0, True, 25.0],
        [5.0, "5", 25.0],
    ],
)
def test_statistics_that_are_not_three_numbers_are_refused(
    path: Path, checkpoint: Checkpoint, name: str, values: object
) -> None:
    statistics = {"mean": [5.0, 5.0, 25.0], "std": [2.0, 2.0, 20.0], name: values}
    _write(path, checkpoint, _describe(checkpoint, statistics=statistics))
    _check_refused(path, f"statistics.{name}", "three finite numbers")


@pytest.mark.parametrize("statistics", ["absent", None, []])
def test_statistics_that_are_missing_are_refused(path: Path, checkpoint: Checkpoint, statistics: object) -> None:
    _write(path, checkpoint, _describe(checkpoint, statistics=statistics))
    _check_refused(path, "statistics.mean None")


@pytest.mark.parametrize("spread", [0.0, -1.0, 1e-60])
def test_a_standard_deviation_that_is_not_above_0_is_refused(path: Path, checkpoint: Checkpoint, spread: float) -> None:
    _write(path, checkpoint, _describe(checkpoint, statistics={"mean": [5, 5, 25], "std": [2.0, spread, 20.0]}))
    _check_refused(path, "statistics.std", "not above 0")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"num_epochs": 0}, "num_epochs 0"),
        ({"num_epochs": 1.5}, "num_epochs 1.5"),
        ({"num_epochs": True}, "num_epochs True"),
        ({"epoch_loss": -1.0}, "epoch_loss -1.0"),
        ({"epoch_loss": float("nan")}, "epoch_loss nan"),
        ({"epoch_loss": "low"}, "epoch_loss 'low'"),
    ],
)
def test_a_progress_that_can_not_be_is_refused(
    path: Path, checkpoint: Checkpoint, changes: dict[str, Any], named: str
) -> None:
    _write(path, checkpoint, _describe(checkpoint, **changes))
    _check_refused(path, named)


@pytest.mark.parametrize(
    ("tensors", "named"),
    [
        ({"layers__1__bias": None}, ("layers.1.bias is missing", "(16, 8)")),
        ({"layers__3__bias": torch.ones(1)}, ("layers.3.bias has no place", "(16, 8)")),
        ({"layers__0__weight": torch.ones(2, 16)}, ("layers.0.weight is F32 (2, 16)", "F32 (16, 2) is expected")),
        ({"layers__2__bias": torch.tensor(1.0)}, ("layers.2.bias is F32 ()", "F32 (1,) is expected")),
        ({"layers__2__bias": torch.ones(1, dtype=torch.float64)}, ("layers.2.bias is F64 (1,)", "F32 (1,)")),
        ({"layers__2__bias": torch.ones(1, dtype=torch.int32)}, ("layers.2.bias is I32 (1,)", "F32 (1,)")),
        ({"layers__2__bias": torch.ones(1, dtype=torch.bfloat16)}, ("layers.2.bias is BF16", "F32 (1,)")),
        ({"layers__2__bias": torch.tensor([torch.nan])}, ("layers.2.bias holds values that are not finite",)),
        ({"layers__2__bias": torch.tensor([-torch.inf])}, ("layers.2.bias holds values that are not finite",)),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused_with_its_name(
    path: Path, checkpoint: Checkpoint, tensors: dict[str, Any], named: tuple[str, ...]
) -> None:
    _write(path, checkpoint, **tensors)
    _check_refused(path, *named)


@pytest.mark.parametrize("hidden_sizes", [(16, 9), (16,), (), (16, 8, 4), (10**12, 10**12)])
def test_the_weights_of_another_configuration_are_refused_without_making_its_network(
    path: Path, checkpoint: Checkpoint, hidden_sizes: tuple[int, ...]
) -> None:
    _write(path, checkpoint, _describe(checkpoint, config={**asdict(SMALL), "hidden_sizes": hidden_sizes}))
    _check_refused(path, "tensor layers.")


@settings(max_examples=300)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_but_never_a_bug(
    tmp_path_factory: pytest.TempPathFactory, training: Training, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    save_checkpoint(path, take_checkpoint(training))
    content = bytearray(path.read_bytes())
    # Most of the file that can go wrong is its header.
    for place in data.draw(st.lists(st.integers(0, 900) | st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    # Any other error fails the test.
    with suppress(CheckpointError):
        load_checkpoint(path).make_model()


# Files that can't be read


def test_a_file_that_is_not_there_is_an_error_of_usage(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing can't be read: No such file or directory; name a file"):
        load_checkpoint(tmp_path / "missing")


def test_a_folder_is_an_error_that_names_a_file_in_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is a folder: name a file in it, say .*best\.safetensors"):
        load_checkpoint(tmp_path)


def test_a_name_that_no_file_can_have_is_an_error_of_usage() -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load_checkpoint(Path("a\0b"))
    with pytest.raises(ConfigError, match="can't be read"):
        load_checkpoint(Path("a" * 300))


def test_a_checkpoint_can_predict_unless_a_number_of_it_is_not_finite(checkpoint: Checkpoint) -> None:
    broken = {**checkpoint.parameters, "layers.2.bias": torch.tensor([torch.nan])}
    assert can_predict(checkpoint)
    assert can_predict(replace(checkpoint, epoch_loss=None))
    assert not can_predict(replace(checkpoint, epoch_loss=float("inf")))
    assert not can_predict(replace(checkpoint, parameters=broken))
