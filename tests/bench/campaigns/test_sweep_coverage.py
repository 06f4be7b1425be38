"""The simulation of sweeps, in small: what it counts, and that it would count what is wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from bench.campaigns import sweep_coverage
from bench.campaigns.sweep_coverage import simulate_crossings, simulate_laws, simulate_missing
from bench.campaigns.sweep_scenarios import (
    CROSSINGS,
    LAWS,
    STEEP,
    Bent,
    Crossings,
    Curves,
    Laws,
    describe_coverage,
    read_results,
)

QUIET, NOISE = "40 % a factor e, 0.3%", "no bend, noise 0.5%"


class Liar(Curves):
    """Says that its curves cross where they don't."""

    @property
    def crossing(self) -> float:
        return 400.0


def test_on_a_quiet_machine_every_sweep_finds_the_crossing() -> None:
    found = simulate_crossings(QUIET, 3)
    assert (found.num_crosses, found.num_missed, found.num_known, found.num_not_within) == (3, 0, 3, 0)
    assert found.median_width is not None
    assert 1 < found.median_width < 1.21


def test_an_interval_that_does_not_hold_the_truth_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CROSSINGS, QUIET, Liar(STEEP, 0.003))
    assert simulate_crossings(QUIET, 2).num_missed == 2


@pytest.mark.parametrize(("name", "num_not_within"), [("one is 20 % slower throughout", 2), ("one and the same", 0)])
def test_curves_that_do_not_cross_are_not_said_to(name: str, num_not_within: int) -> None:
    found = simulate_crossings(f"{name}, 1.0%", 2)
    assert (found.num_crosses, found.num_not_within) == (0, num_not_within)


def test_truths_are_those_of_the_costs() -> None:
    assert CROSSINGS[QUIET].crossing == pytest.approx(4_000)
    assert CROSSINGS["one and the same, 1.0%"].crossing is None
    assert CROSSINGS["one is 20 % slower throughout, 1.0%"].crossing is None
    assert CROSSINGS["40 %, spread thrice as large under 100, 1.0%"].spread_at(99) == pytest.approx(0.03)
    for bent in (*LAWS.values(), Bent(0.0, extra=1.0, bend=500.0)):
        assert bent.seconds_at(bent.knee) == pytest.approx(2 * bent.fixed)


def test_intervals_of_laws_are_held_against_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    assert simulate_laws(NOISE, 10).num_held["each"] >= 8
    monkeypatch.setitem(LAWS, NOISE, Bent(0.005, extra=0.1, bend=0.0))
    assert simulate_laws(NOISE, 10).num_held["each"] == 0


def test_a_campaign_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = Crossings(
        scenario="a", num_sweeps=9, num_crosses=9, num_missed=0, num_not_within=0, num_known=9, median_width=1.1
    )
    path = tmp_path / "sweeps.jsonl"
    path.write_bytes(msgspec.json.encode(done) + b"\n{torn")
    monkeypatch.setattr(sweep_coverage, "CROSSINGS", {"a": CROSSINGS[QUIET], "b": CROSSINGS[QUIET]})
    monkeypatch.setattr(sweep_coverage, "LAWS", {})
    monkeypatch.setattr(sweep_coverage, "NUM_SWEEPS", 1)
    monkeypatch.setattr(sweep_coverage, "ProcessPoolExecutor", ThreadPoolExecutor)
    simulate_missing(path)
    first, second = read_results(path)
    assert first == done
    assert (second.scenario, isinstance(second, Crossings)) == ("b", True)


def test_what_came_of_it_is_laid_out_in_shares() -> None:
    crossings = Crossings(
        scenario="steep",
        num_sweeps=200,
        num_crosses=100,
        num_missed=3,
        num_not_within=1,
        num_known=50,
        median_width=1.2,
    )
    held = {"fixed": 190, "each": 180, "knee": 170, "share": 160}
    text = describe_coverage([crossings, Laws(scenario="bent", num_laws=200, num_bent=2, num_held=held)])
    assert "| steep | 50.0% | 3.0% | 0.5% | 49.5% | 1.2 | 25.0% |" in text
    assert "| bent | 95.0% | 90.0% | 85.0% | 80.0% | 1.0% |" in text
