from __future__ import annotations

import ast
import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.arguments import make_parser as make_bench_parser
from docs.fragments import Fragment, read_fragments, run_fragments
from docs.pictures import FOLDER, NUM_POINTS, draw_all
from productnet.__main__ import make_parser
from productnet.article import import_article
from productnet.config import TrainConfig
from productnet.data import draw_heldout_data
from productnet.evaluate import evaluate
from tests.productnet.test_train import KNOWN_FINAL_LOSS, _is_where_the_known_loss_was_read

TEXTS = ("learn.md", "learn.zh.md")
PICTURES = ("loss.svg", "loss.zh.svg", "prediction.svg", "prediction.zh.svg")

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")
NOT_PRINTED = {"0.001": "the learning rate", "2.13": "of torch", "0.02": "percent unexplained, tested below"}


@dataclass(frozen=True, slots=True)
class Ran:
    fragments: list[Fragment]
    variables: dict[str, Any]
    outputs: list[str]
    folder: Path


@pytest.fixture(scope="module")
def ran_all(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    return {name: _run(name, tmp_path_factory.mktemp("learn")) for name in TEXTS}


@pytest.fixture(params=TEXTS)
def text(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ran(ran_all: dict[str, Ran], text: str) -> Ran:
    return ran_all[text]


def _run(name: str, folder: Path) -> Ran:
    fragments = read_fragments(_read(name))
    return Ran(fragments, *run_fragments(fragments, folder), folder)


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _agree(shown: str, printed: str, exactly: bool) -> bool:
    """Whether two outputs are the same, or elsewhere but for the last digits of their numbers."""
    if exactly:
        return shown == printed
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", printed).split():
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(float(b) == pytest.approx(float(a), rel=0.01, abs=2 * _last_place(a)) for a, b in pairs)


def _last_place(number: str) -> float:
    return float(10 ** -len(number.partition(".")[2]))


# The program


def test_every_fragment_prints_what_the_text_shows(ran: Ran) -> None:
    exactly = _is_where_the_known_loss_was_read()
    assert len(ran.fragments) == 14
    for fragment, printed in zip(ran.fragments, ran.outputs, strict=True):
        assert fragment.output
        assert _agree(fragment.output, printed, exactly), (fragment.output, printed)


def test_the_readers_own_loop_ends_at_the_loss_of_the_project(ran: Ran) -> None:
    losses = ran.variables["epoch_losses"]
    assert len(losses) == 1_000
    assert losses[-1] == pytest.approx(KNOWN_FINAL_LOSS, rel=0.01)
    if _is_where_the_known_loss_was_read():
        assert losses[-1] == KNOWN_FINAL_LOSS


def test_the_readers_file_is_read_and_judged_by_the_project_as_the_text_judges_it(ran: Ran) -> None:
    config = TrainConfig()
    checkpoint = import_article(ran.folder / "simpleNN.pth", config)
    heldout = draw_heldout_data(config, checkpoint.statistics)
    accuracy = evaluate(checkpoint.make_model(), heldout)
    assert torch.equal(heldout.values[:, 2], ran.variables["truth"])
    assert accuracy.rmse == pytest.approx(float(ran.variables["rmse"]), rel=1e-5)
    assert accuracy.r_squared == pytest.approx(float(ran.variables["r_squared"]), abs=1e-8)


def test_what_the_text_says_in_words_is_so(ran: Ran) -> None:
    have = ran.variables
    layers = have["model"].children()
    assert [sum(parameter.numel() for parameter in layer.parameters()) for layer in layers] == [48, 136, 9]
    assert have["epoch_losses"][199] < 0.001
    assert round(float(have["error"].abs().max() / have["rmse"])) == 9
    assert f"{100 * (1 - have['r_squared']):.2f}" == "0.02"
    largest = have["error"].abs().topk(10).indices
    assert have["new1"][largest].min() > 9
    assert have["new2"][largest].min() > 9
    usual, last = (max(have[name][-100:]) / min(have[name][-100:]) for name in ("epoch_losses", "last_batch_losses"))
    assert last > 1.5 * usual


def test_running_a_program_leaves_random_numbers_and_threads_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state(), torch.get_num_threads()
    code = "import torch\ntorch.manual_seed(5)\ntorch.set_num_threads(3)\nprint(torch.get_num_threads())\n"
    variables, outputs = run_fragments([Fragment(code, ""), Fragment("x = torch.rand(1)\n", "")], tmp_path)
    assert (outputs, variables["x"].shape) == (["3\n", ""], (1,))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


def test_outputs_agree_elsewhere_but_for_their_last_digits() -> None:
    assert _agree("mean 0.000164, 2 * 3", "mean 0.000165, 2 * 3", exactly=False)
    assert not _agree("mean 0.000164", "mean 0.000164 ", exactly=True)
    for other in ("mean 0.000170", "median 0.000164", "mean 0.000164 1"):
        assert not _agree("mean 0.000164", other, exactly=False)


# The texts


def test_both_languages_have_the_same_program_but_for_comments() -> None:
    programs = [[ast.dump(ast.parse(fragment.code)) for fragment in read_fragments(_read(name))] for name in TEXTS]
    assert programs[0] == programs[1]
    outputs = [[fragment.output for fragment in read_fragments(_read(name))] for name in TEXTS]
    assert outputs[0] == outputs[1]


def test_both_languages_have_the_same_numbers_links_and_commands() -> None:
    english, chinese = (_read(name) for name in TEXTS)
    assert sorted(_decimals(english)) == sorted(_decimals(chinese))
    assert _commands(english) == _commands(chinese)
    places = [[target for _, target in LINK.findall(text) if target.startswith("../")] for text in (english, chinese)]
    assert places[0] == places[1]


def test_every_decimal_number_in_the_prose_was_printed_by_the_program(text: str) -> None:
    content = _read(text)
    printed = NUMBER.findall(" ".join(fragment.output for fragment in read_fragments(content)))
    decimals = _decimals(content)
    assert len(decimals) > 10
    for number in decimals:
        places = len(number.partition(".")[2])
        assert number in NOT_PRINTED or float(number) in {round(float(shown), places) for shown in printed}, number


def test_links_lead_to_files_that_have_the_names_quoted(text: str) -> None:
    links = LINK.findall(_read(text))
    names = [(label.strip("`"), target) for label, target in links if label.startswith("`")]
    assert len(names) > 10
    for _, target in links:
        assert (FOLDER / target).is_file(), target
    for name, target in names:
        defined = re.search(rf"^ *(?:def|class) {name}\b", (FOLDER / target).read_text(encoding="utf-8"), re.MULTILINE)
        assert defined, (name, target)


def test_commands_are_ones_that_the_project_takes(text: str) -> None:
    commands = _commands(_read(text))
    assert len(commands) > 8
    for command in commands:
        _, _, module, *words = shlex.split(command)
        parser = make_bench_parser("bench.run") if module == "bench.run" else make_parser()
        parser.parse_args(words)


def _commands(text: str) -> list[str]:
    return re.findall(r"^python -m .*$|(?<=`)python -m [^`]*(?=`)", text, re.MULTILINE)


def _decimals(text: str) -> list[str]:
    """Return the decimal numbers of the prose: without code and the targets of links."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`|\]\([^)]*\)", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\d+\.\d+", prose)


# The pictures


def test_the_pictures_are_those_of_the_texts_training(ran_all: dict[str, Ran]) -> None:
    pictures = draw_all(ran_all["learn.md"].variables)
    assert tuple(sorted(pictures)) == PICTURES
    for name, picture in pictures.items():
        committed = _read(name)
        assert NUMBER.sub("#", committed) == NUMBER.sub("#", picture), f"{name}: run python -m docs.pictures"
        off = _farthest(_numbers(committed), _numbers(picture))
        assert off <= 0.2, f"{name}: {off} pixels off, run python -m docs.pictures"


def _numbers(picture: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(picture)]


def _farthest(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_small_whole_and_has_every_point(name: str) -> None:
    content = _read(name)
    assert len(content.encode()) < 40_000
    root = ET.fromstring(content)
    tags = [element.tag.rpartition("}")[2] for element in root.iter()]
    if name.startswith("loss"):
        lines = [element.attrib["points"].split() for element in root.iter() if element.tag.endswith("polyline")]
        assert [len(points) for points in lines] == [1_000, 1_000]
    else:
        dots = [element.attrib["d"].count("h0") for element in root.iter() if element.tag.endswith("path")]
        assert [count for count in dots if count] == [NUM_POINTS, NUM_POINTS]
    assert not {"script", "image", "foreignObject"} & set(tags)


def test_every_picture_is_shown_once_in_its_language() -> None:
    shown = [re.findall(r"!\[[^\]]+\]\(([^)]*)\)", _read(name)) for name in TEXTS]
    assert shown == [["loss.svg", "prediction.svg"], ["loss.zh.svg", "prediction.zh.svg"]]
    assert sorted(chain(*shown)) == list(PICTURES)
