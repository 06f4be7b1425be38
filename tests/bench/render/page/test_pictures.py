"""One picture of a run, of several, or of a race; what it leaves out is told."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from bench.errors import IncompleteError
from bench.records.collection import Collection
from tests.bench.render.page.pages import SHOWN, make_collection, make_hostile_collection, make_whole_collection
from tests.bench.render.test_report import make_golden_run
from tests.bench.runs import make_case, make_run

pytest.importorskip("altair", reason="the extra `report` is not installed")

from bench.render.page.pictures import list_left_out, to_png, to_svg


def read_texts(collection: Collection) -> list[str]:
    picture = ET.fromstring(to_svg(collection, 80))
    return ["".join(each.itertext()) for each in picture.iter() if each.tag.endswith("}text")]


def test_a_picture_of_a_run_shows_its_modes_and_which_to_use() -> None:
    texts = read_texts(make_collection(make_golden_run(is_complete=True)))
    assert "Samples a second, by mode" in texts
    assert any("Fastest valid mode here: cpu/reference/manual" in text for text in texts)
    assert "cpu/eager/manual" in texts
    assert any(text.endswith("INVALID") for text in texts)


def test_a_picture_of_several_runs_says_where_they_were_measured() -> None:
    texts = " ".join(read_texts(make_whole_collection()))
    assert "Samples a second in 2 runs, by mode" in texts
    assert "Other CPU" in texts


def test_a_picture_of_a_race_shows_what_came_of_it() -> None:
    collection = make_whole_collection()
    texts = " ".join(read_texts(Collection((), collection.races, {})))
    assert "Time ratio of a race, pair by pair" in texts
    assert "b against a: SLOWER" in texts


def test_a_picture_of_a_sweep_says_where_curves_cross() -> None:
    collection = Collection((), (), {}, sweeps=make_whole_collection().sweeps)
    texts = " ".join(read_texts(collection))
    assert "Time of a step over batch size" in texts
    assert "cpu/reference/manual passes cpu/eager/manual at batch size" in texts
    assert list_left_out(collection) == []


def test_what_is_not_in_the_picture_is_told() -> None:
    collection = make_whole_collection()
    assert list_left_out(collection) == [
        "race is left out: one picture shows runs, one race or one sweep",
        "sweep is left out: one picture shows runs, one race or one sweep",
        "times.json is left out: it was measured by hyperfine",
    ]
    assert list_left_out(Collection((), collection.races, {})) == []


def test_a_picture_is_a_png_of_some_size() -> None:
    picture = to_png(make_collection(make_golden_run()), 80)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(picture[16:20], "big") > 1000


@pytest.mark.parametrize("alone", ["nothing was measured", "others"])
def test_there_is_no_picture_of_nothing(alone: str) -> None:
    nothing = make_collection(make_run([make_case()]))
    others = Collection((), (), {}, make_whole_collection().foreign)
    with pytest.raises(IncompleteError, match="no picture"):
        to_svg(others if alone == "others" else nothing, 80)


def test_hostile_text_is_text_in_a_picture() -> None:
    texts = read_texts(make_hostile_collection())
    assert any(SHOWN[:30] in text for text in texts)
    assert not any(each in to_svg(make_hostile_collection(), 80) for each in ("<img", "\x1b", "\u2028"))
