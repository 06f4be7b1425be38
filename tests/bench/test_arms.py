"""Arms from the words of a command line."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from bench.arguments import parse_duration, parse_share
from bench.arms import make_case, make_source, parse_settings
from bench.errors import UsageError
from bench.records.case import Shape
from bench.records.race import Source
from productnet.errors import ConfigError
from productnet.registry import ENGINES
from tests.bench.runs import make_case as make_plain_case

COMMIT = "0123456789" * 4


def source_of(*words: str, tree: Path | None = None) -> Source:
    def check_out(commit: str) -> Path:
        assert commit == COMMIT
        assert tree is not None
        return tree

    return make_source(parse_settings(words), {"HEAD~1": COMMIT}.__getitem__, check_out)


def make_tree(directory: Path) -> Path:
    """Make a directory that passes for a tree of the project."""
    (directory / "productnet").mkdir(parents=True)
    (directory / "productnet" / "__init__.py").write_text("")
    return directory


def test_settings_are_read_as_they_are_said() -> None:
    words = ["engine=reference", "batching=dataloader", "precision=amp", "threads=2", "env.OMP_X=a=b", "env._Y="]
    assert parse_settings(words) == {
        "engine": "reference",
        "batching": "dataloader",
        "precision": "amp",
        "threads": "2",
        "env.OMP_X": "a=b",
        "env._Y": "",
    }


def test_batches_may_be_of_another_size() -> None:
    assert make_case(parse_settings(["batch_size=200"]), "cpu").shape == Shape(batch_size=200)
    assert make_case(parse_settings(["batch_size=100"]), "cpu").shape is None
    with pytest.raises(UsageError, match="batch_size=many is no number"):
        make_case(parse_settings(["batch_size=many"]), "cpu")
    with pytest.raises(ConfigError, match="2000 is larger than the data"):
        make_case(parse_settings(["batch_size=2000"]), "cpu")
    with pytest.raises(UsageError, match="batch_size= is the product network's"):
        parse_settings(["workload=my.py", "batch_size=2"])


def test_a_device_has_one_spelling() -> None:
    assert parse_settings(["device=cuda:0"]) == {"device": "cuda"}
    assert parse_settings(["device=cuda:1"]) == {"device": "cuda:1"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["eager"], "'eager' is no setting of an arm: use device, engine"),
        (["speed=9"], "'speed=9' is no setting of an arm"),
        (["=eager"], "'=eager' is no setting of an arm"),
        (["Engine=eager"], "'Engine=eager' is no setting of an arm"),
        (["env.=x"], "'env.=x' is no setting of an arm"),
        (["env.1A=x"], "'env.1A=x' is no setting of an arm"),
        (["env.A B=x"], "'env.A B=x' is no setting of an arm"),
        (["env.A\n=x"], "is no setting of an arm"),
        (["engine=eager", "engine=eager"], "an arm has engine twice"),
        (["env.A=1", "env.A=2"], r"an arm has env\.A twice"),
        (["engine=turbo"], f"'engine=turbo' is not known: use engine={{{','.join(ENGINES)}}}"),
        (["precision=fp8"], "'precision=fp8' is not known: use precision={fp32,tf32,bf16,fp16,amp}"),
        (["rev=HEAD", "tree=."], "both a revision .* and a tree"),
        ([f"env.{'A' * 51}=x"], "is too long"),
        ([f"env.A={'x' * 2001}"], "is too long"),
        (["env.A=\udcff"], "no text"),
    ],
)
def test_what_is_no_setting_is_refused_with_what_it_may_be(words: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse_settings(words)


def test_a_batching_may_have_worker_processes_and_one_that_is_none_is_refused() -> None:
    assert make_case(parse_settings(["batching=dataloader:2"]), "cpu").name == "cpu/eager/dataloader:2"
    for name in ("", "manual:2", "dataloader:0"):
        with pytest.raises(ConfigError, match=f"batching '{name}' is not known: use one of manual, "):
            parse_settings([f"batching={name}"])


@pytest.mark.parametrize("device", ["gpu", "", "cuda:-1", "all"])
def test_a_device_that_is_none_is_refused(device: str) -> None:
    with pytest.raises(ConfigError, match="is not known: use one of"):
        parse_settings([f"device={device}"])


def test_a_case_is_the_recipes_where_nothing_is_said() -> None:
    assert make_case({}, "cpu") == make_plain_case("eager")
    said = {"engine": "reference", "batching": "dataloader", "precision": "bf16", "threads": "2"}
    assert make_case(said, "cuda:1") == make_plain_case(
        "reference", "dataloader", "cuda:1", num_threads=2, precision="bf16"
    )


@pytest.mark.parametrize("threads", ["two", "", "1.5"])
def test_a_number_of_threads_that_is_none_is_refused(threads: str) -> None:
    with pytest.raises(UsageError, match="is no number"):
        make_case({"threads": threads}, "cpu")


@pytest.mark.parametrize("threads", ["0", "-1"])
def test_a_number_of_threads_that_no_training_takes_is_refused(threads: str) -> None:
    with pytest.raises(ConfigError, match="is too small"):
        make_case({"threads": threads}, "cpu")


def test_an_arm_may_train_several_networks_at_once() -> None:
    case = make_case({"engine": "eager", "replicas": "64"}, "cpu")
    assert case.name == "cpu/eager/manual/64-replicas"
    for number in ("0", "10001"):
        with pytest.raises(UsageError, match=f"replicas={number} can't be trained at once: use 1 to 10,000"):
            make_case({"replicas": number}, "cpu")
    with pytest.raises(UsageError, match="replicas= is the product network's"):
        parse_settings(["workload=mine.py", "replicas=2"])


def test_the_source_of_an_arm_is_what_is_at_hand_where_nothing_is_said() -> None:
    assert source_of("engine=eager", "threads=2") == Source()


def test_variables_lose_their_prefix_and_keep_their_values() -> None:
    assert source_of("env.A=1", "env.B_2=x=y").variables == {"A": "1", "B_2": "x=y"}


def test_a_revision_is_its_commit_and_the_tree_where_it_was_taken_out(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "out")
    assert source_of("rev=HEAD~1", tree=tree) == Source(revision=COMMIT, tree=str(tree))


def test_a_tree_is_kept_with_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tree(tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    assert source_of("tree=here") == Source(tree=str(tmp_path / "here"))


def test_a_tree_that_is_not_there_or_holds_nothing_to_measure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no directory"):
        source_of(f"tree={'a' * 300}")
    with pytest.raises(UsageError, match=r"tree=/nowhere is no directory"):
        source_of("tree=/nowhere")
    with pytest.raises(UsageError, match=r"holds no package productnet"):
        source_of(f"tree={tmp_path}")
    with pytest.raises(UsageError, match=r"rev=HEAD~1 holds no package productnet"):
        source_of("rev=HEAD~1", tree=tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="a program is known by the ending of its name there")
def test_an_interpreter_is_found_on_the_path_or_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert source_of(f"python={sys.executable}").python == sys.executable
    program = tmp_path / "mypython"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert source_of("python=mypython").python == str(program)
    with pytest.raises(UsageError, match=r"python=python9\.9 is no interpreter that can be run"):
        source_of("python=python9.9")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("90s", 90.0), ("2min", 120.0), ("1.5h", 5400.0), ("0.25s", 0.25), ("999999s", 999_999.0)],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "0", "0s", "-1s", "60 s", "1m", "s", "nan", "inf", "1e3", "1234567s", "999999h", "60s\n", "\u0661s", "1,5s"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is no time: use seconds or minutes"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "share"), [("0.8%", 0.008), ("5 %", 0.05), ("0%", 0.0), ("99.999999%", 0.99999999), ("0.000001%", 1e-8)]
)
def test_a_share_is_read_in_percent(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share, rel=1e-12)


@pytest.mark.parametrize("text", ["", "%", "0.8", "100%", "-1%", "nan%", "1e1%", "0.8%%", "5  %", "0.8%\n", "\u0665%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is no share: use percent"):
        parse_share(text)
