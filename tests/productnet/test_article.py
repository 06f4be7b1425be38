from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from productnet.article import import_article
from productnet.checkpoint import load_checkpoint, save_checkpoint
from productnet.config import TrainConfig
from productnet.errors import CheckpointError, ConfigError
from productnet.evaluate import multiply
from productnet.train import Training


class SimpleNN(nn.Module):
    """A network with the article's names for its layers, written down apart from the code that is tested."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 16)
        self.fc2 = nn.Linear(16, 8)
        self.fc3 = nn.Linear(8, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.fc3(torch.relu(self.fc2(torch.relu(self.fc(inputs)))))
        return output


@pytest.fixture(name="network")
def _network() -> SimpleNN:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(5)
        return SimpleNN()


@pytest.fixture(name="path")
def _path(tmp_path: Path, network: SimpleNN) -> Path:
    path = tmp_path / "simpleNN.pth"
    torch.save(network.state_dict(), path)
    return path


def test_the_articles_network_answers_as_it_did(path: Path, network: SimpleNN) -> None:
    checkpoint = import_article(path, TrainConfig())
    statistics = Training(TrainConfig(device="cpu")).data.statistics
    assert torch.equal(checkpoint.statistics.mean, statistics.mean)
    assert torch.equal(checkpoint.statistics.std, statistics.std)
    inputs = torch.tensor([[3.0, 4.0], [9.5, 1.5]])
    with torch.no_grad():
        expected = network((inputs - statistics.mean[:2]) / statistics.std[:2]) * statistics.std[2] + statistics.mean[2]
    assert torch.equal(multiply(checkpoint.make_model(), inputs, checkpoint.statistics), expected.squeeze(1))


def test_the_statistics_are_those_of_the_seed(path: Path) -> None:
    first, other = (import_article(path, TrainConfig(seed=seed)).statistics for seed in (1, 2))
    assert not torch.equal(first.mean, other.mean)


def test_an_import_becomes_a_checkpoint_without_epochs(path: Path) -> None:
    ours = path.with_name("ours.safetensors")
    save_checkpoint(ours, import_article(path, TrainConfig()))
    loaded = load_checkpoint(ours)
    assert (loaded.num_epochs, loaded.epoch_loss) == (None, None)
    assert loaded.config == TrainConfig()


def test_the_older_format_of_torch_is_read_too(path: Path, network: SimpleNN) -> None:
    torch.save(network.state_dict(), path, _use_new_zipfile_serialization=False)
    assert torch.equal(import_article(path, TrainConfig()).parameters["layers.0.weight"], network.fc.weight)


def _check_refused(path: Path, *named: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        import_article(path, TrainConfig())
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    for part in named:
        assert part in message


def test_code_in_a_pickle_is_not_run(path: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    for write in (lambda: torch.save({"fc.weight": Trap()}, path), lambda: path.write_bytes(pickle.dumps(Trap(), 2))):
        write()
        _check_refused(path, "no file of tensors alone")
    assert not (tmp_path / "sprung").exists()


def test_a_whole_pickled_network_is_refused(path: Path, network: SimpleNN) -> None:
    torch.save(network, path)
    _check_refused(path, "no file of tensors alone")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"fc3.bias": None}, "tensor fc3.bias is missing"),
        ({"fc4.bias": torch.ones(1)}, "tensor fc4.bias is none of the article's"),
        ({7: torch.ones(1)}, "tensor 7 is none of the article's"),
        ({"fc.weight": torch.ones(16, 3)}, "fc.weight is torch.float32 (16, 3), where torch.float32 (16, 2)"),
        ({"fc3.bias": torch.ones(1).double()}, "fc3.bias is torch.float64 (1,)"),
        ({"fc3.bias": torch.tensor([torch.nan])}, "fc3.bias holds values that are not finite"),
        ({"fc3.bias": [1.0]}, "fc3.bias is a list"),
        ({"fc3.bias": torch.ones(1).to_sparse()}, "fc3.bias is"),
    ],
)
def test_a_state_dict_of_another_network_is_refused_with_its_tensor(
    path: Path, network: SimpleNN, changes: dict[Any, Any], named: str
) -> None:
    state = OrderedDict({**network.state_dict(), **changes})
    torch.save({name: tensor for name, tensor in state.items() if tensor is not None}, path)
    _check_refused(path, named)


@pytest.mark.parametrize("held", [[torch.ones(1)], torch.ones(1), 3])
def test_something_else_than_a_state_dict_is_refused(path: Path, held: object) -> None:
    torch.save(held, path)
    _check_refused(path, "where a state dict is expected")


def test_a_file_of_another_size_is_not_even_read(path: Path) -> None:
    path.write_bytes(bytes(1024**2 + 1))
    _check_refused(path, "more than 1,048,576 bytes")


def test_a_file_that_is_not_there_is_an_error_of_usage(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        import_article(tmp_path / "missing.pth", TrainConfig())


@settings(max_examples=100)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_but_never_a_bug(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.pth"
    torch.save(SimpleNN().state_dict(), path, _use_new_zipfile_serialization=data.draw(st.booleans()))
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=3)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    # Any other error fails the test.
    with suppress(CheckpointError):
        import_article(path, TrainConfig())
