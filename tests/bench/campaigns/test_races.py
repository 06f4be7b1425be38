"""A campaign of races goes on where it was stopped, and its figures are those of its lines."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from bench.campaigns.race_figures import make_races_table, make_sizes_table, misses
from bench.campaigns.race_lines import SCENARIOS, RaceLine, SizeLine, read_lines
from bench.campaigns.races import list_missing, list_spins, main, measure_slowdowns
from bench.errors import InvalidFileError

LINE = RaceLine(
    scenario="aa",
    started_at="2026-01-02T03:04:05+00:00",
    cpu_model="Example CPU",
    num_spins=0,
    exit_code=0,
    verdict="SAME",
    reason="resolved",
    seconds=40.0,
    num_rounds=800,
    num_disturbed=3,
    mean=0.001,
    half_width=0.006,
    differences=(0.001,) * 8,
    scatters=(0.002,) * 8,
)
SIZE = SizeLine(cpu_model="Example CPU", slowdown=0.02, num_spins=2_100, logarithms=(0.019, 0.020, 0.021))


def test_what_is_missing_is_named_scenario_by_scenario_in_turns() -> None:
    done = [msgspec.structs.replace(LINE, scenario=name) for name in ["aa"] * 48 + ["two"] * 49]
    assert list(list_missing(done, ["aa", "two"])) == ["aa", "two", "aa"]


def test_a_campaign_goes_on_after_the_last_whole_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "races.jsonl"
    whole = msgspec.json.encode(LINE) + b"\n"
    path.write_bytes(whole * (SCENARIOS["aa"].num_races - 2) + whole[:40])
    monkeypatch.setattr("sys.argv", ["races", "aa", "--file", str(path)])
    assert main(lambda name, *_: msgspec.structs.replace(LINE, scenario=name, verdict="SLOWER")) == 0
    lines = [line for line in read_lines(path) if isinstance(line, RaceLine)]
    assert len(lines) == SCENARIOS["aa"].num_races
    assert [line.verdict for line in lines[-3:]] == ["SAME", "SLOWER", "SLOWER"]


def test_no_race_starts_after_the_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["races", "aa", "--file", str(tmp_path / "f"), "--minutes", "-1"])
    assert main(lambda *_: pytest.fail("a race started")) == 0


@pytest.mark.parametrize("words", [("aa", "--file", "f.gz"), ("ab", "--file", "f")])
def test_kept_data_and_unknown_races_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("f.gz")
    path.write_bytes(gzip.compress(msgspec.json.encode(LINE) + b"\n"))
    monkeypatch.setattr("sys.argv", ["races", *words])
    with pytest.raises(SystemExit):
        main(lambda *_: pytest.fail("a race started"))
    assert read_lines(path) == [LINE]


def test_without_a_scenario_the_figures_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f.gz").write_bytes(gzip.compress(msgspec.json.encode(LINE) + b"\n"))
    monkeypatch.setattr("sys.argv", ["races", "--file", str(tmp_path / "f.gz")])
    assert main(lambda *_: pytest.fail("a race started")) == 0
    assert "| aa" in capsys.readouterr().out


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("{}\n")
    with pytest.raises(InvalidFileError, match="no file of this campaign"):
        read_lines(tmp_path / "f")


@pytest.mark.parametrize(
    ("mean", "is_missed"), [(0.0, True), (0.013, True), (0.015, False), (0.025, False), (0.027, True)]
)
def test_an_interval_misses_a_truth_that_is_further_away_than_its_half_width(mean: float, is_missed: bool) -> None:
    assert misses(msgspec.structs.replace(LINE, mean=mean), 0.02) is is_missed


def test_how_large_a_slowdown_is_gets_measured_at_every_start_that_has_races_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "races.jsonl"
    monkeypatch.setattr("bench.campaigns.races.collect_cpu_model", lambda: "Example CPU")
    monkeypatch.setattr("sys.argv", ["races", "two", "--file", str(path)])
    measured: list[tuple[list[float], dict[float, int]]] = []

    def measure(slowdowns: Sequence[float], chosen: Mapping[float, int], _cpu_model: str) -> list[SizeLine]:
        measured.append((list(slowdowns), dict(chosen)))
        return [SIZE]

    def race(name: str, cpu_model: str, num_spins: int) -> RaceLine:
        if len(read_lines(path)) == 9:
            raise KeyboardInterrupt
        return msgspec.structs.replace(LINE, scenario=name, cpu_model=cpu_model, num_spins=num_spins)

    with pytest.raises(KeyboardInterrupt):
        main(race, measure)
    for _ in range(2):
        assert main(race, measure) == 0
    assert measured == [([0.02], {}), ([0.02], {0.02: SIZE.num_spins})]
    lines = read_lines(path)
    assert [index for index, line in enumerate(lines) if line == SIZE] == [0, 9]
    assert {line.num_spins for line in lines} == {SIZE.num_spins}
    assert list(list_spins([SIZE], "Another CPU")) == []
    assert make_sizes_table(lines).rows[0][-1] == 2 * len(SIZE.logarithms)


def test_spins_are_chosen_once_and_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[int]] = []

    def measure(spins: list[int], _num_processes: int = 0) -> dict[int, list[float]]:
        asked.append(spins)
        return {num_spins: [num_spins * 4e-6] for num_spins in spins}

    monkeypatch.setattr("bench.campaigns.races.measure_sizes", measure)
    lines = measure_slowdowns([0.01, 0.02], {0.02: 5_000}, "Example CPU")
    assert [(line.slowdown, line.num_spins) for line in lines] == [(0.01, 2_450), (0.02, 5_000)]
    assert asked == [[10_000], [2_450, 5_000]]


def test_the_figures_count_verdicts_and_misses_and_leave_out_what_was_not_run() -> None:
    lines = [
        LINE,
        msgspec.structs.replace(LINE, verdict="SLOWER", mean=0.02, seconds=60.0),
        msgspec.structs.replace(LINE, verdict="INCONCLUSIVE", mean=None, half_width=None, differences=(), scatters=()),
    ]
    table = make_races_table(lines)
    (row,) = table.rows
    assert row == ("aa", 0.0, 3, 1, 0, 1, 1, 0, 1, 0.006, 8, 40.0)


def test_the_truth_of_a_race_is_the_size_that_was_measured_on_its_processor() -> None:
    slowed = msgspec.structs.replace(LINE, scenario="two", num_spins=SIZE.num_spins, verdict="SLOWER", mean=0.027)
    elsewhere = msgspec.structs.replace(slowed, cpu_model="Another CPU")
    (row,) = make_races_table([SIZE, slowed, elsewhere]).rows
    assert row[1] == pytest.approx(0.02)
    assert row[8] == 1  # the other processor's truth is not known: it can't be missed
    ((_, num_spins, size, _, num_processes),) = make_sizes_table([SIZE, LINE]).rows
    assert (num_spins, num_processes) == (SIZE.num_spins, 3)
    assert size == pytest.approx(0.0202, abs=1e-4)


def test_every_scenario_is_a_race_that_the_command_line_takes() -> None:
    from bench.race import make_parser

    for scenario in SCENARIOS.values():
        make_parser().parse_args(["--a", "engine=eager", "--b", "engine=eager", *scenario.flags])
