"""What is drawn, as specifications; UPDATE_GOLDEN=1 writes the golden file anew."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from bench.judge.race import judge_race
from bench.judge.results import judge_run
from bench.judge.sweep import judge_sweep
from bench.render.page.curves import list_sweep_figures, make_narrowing
from bench.render.page.figure import Figure
from bench.render.page.figures import list_run_figures, list_throughput_of_runs, make_ladder
from bench.render.page.machines import compare_runs
from tests.bench.golden import GOLDEN
from tests.bench.races import make_race
from tests.bench.render.page.pages import make_whole_collection
from tests.bench.render.test_comparison import read_strictly, round_numbers
from tests.bench.runs import make_case
from tests.bench.sweeps import make_sweep

pytest.importorskip("altair", reason="the extra `report` is not installed")

from bench.render.page.charts import draw, specify

NAME = "page-charts.json"


def list_figures() -> list[Figure]:
    """List one figure of each kind."""
    collection = make_whole_collection()
    run, race, sweep = collection.runs[0].result, collection.races[0].result, collection.sweeps[0].result
    results = judge_run(run)
    return [
        *list_run_figures(run, results),
        make_ladder(results),
        Figure("runs", list_throughput_of_runs(compare_runs(collection.runs).times)),
        make_narrowing(race, judge_race(race)[0]),
        *list_sweep_figures(sweep.info.plan, judge_sweep(sweep)),
    ]


def specify_plainly(figure: Figure) -> dict[str, Any]:
    """Return the specification, less what is the same in all, and with its data where they are used."""
    specification = specify(draw(figure))
    datasets = specification.pop("datasets")
    del specification["$schema"], specification["config"]
    names = {name: f"data {place}" for place, name in enumerate(datasets)}

    def rename(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: names.get(each, each) if key == "name" else rename(each) for key, each in value.items()}
        return [rename(each) for each in value] if isinstance(value, list) else value

    plain: dict[str, Any] = rename(specification)
    return plain | {"datasets": {names[name]: values for name, values in datasets.items()}}


@pytest.mark.parametrize(("num_pairs", "ticks"), [(2, [1, 2]), (13, [3, 6, 9, 12])])
def test_a_race_narrows_over_whole_pairs(num_pairs: int, ticks: list[int]) -> None:
    race = make_race([0.01 * place for place in range(num_pairs)])
    drawn = specify_plainly(make_narrowing(race, judge_race(race)[0]))
    assert f'"values": {ticks}' in json.dumps(drawn)


def test_more_curves_than_colours_are_told_apart_by_dashes_and_narrow_axes_have_marks_between_powers() -> None:
    curves = [make_case(f"engine-{place}") for place in range(10)]
    sweep = make_sweep([(1e-4 * (1 + place), 1e-7) for place in range(10)], (10, 20, 40, 80), curves=curves)
    (figure,) = list_sweep_figures(sweep.info.plan, judge_sweep(sweep))
    layers = specify_plainly(figure)["layer"]
    encoding = layers[1]["encoding"]
    looks = zip(encoding["color"]["scale"]["range"], map(tuple, encoding["strokeDash"]["scale"]["range"]), strict=True)
    assert len(set(looks)) == 10
    assert encoding["x"]["axis"]["values"] == [10, 20, 50, 100, 200, 500]


def test_a_sweep_of_a_single_point_has_no_picture() -> None:
    sweep = make_sweep([(1e-4, 1e-7), (2e-4, 1e-7)], (10,))
    assert list_sweep_figures(sweep.info.plan, judge_sweep(sweep)) == []


def test_every_kind_of_figure_is_specified_as_in_its_golden_file() -> None:
    text = json.dumps({each.kind: specify_plainly(each) for each in list_figures()}, indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        (GOLDEN / NAME).write_bytes(text.encode())
    golden = read_strictly((GOLDEN / NAME).read_text(encoding="utf-8"))
    assert len(golden) == 9
    assert read_strictly(text) == round_numbers(golden)
