"""A workload of a user's own through the doors: the skeleton, mistakes, a real run, and two runs compared."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.arms import make_case, parse_settings
from bench.budgets import read_budgets
from bench.errors import UsageError
from bench.own import SKELETON, choose_own_reference, plan_own_cases, write_skeleton
from bench.records.store import read_run
from bench.workloads.files import find_workload
from productnet.errors import ConfigError
from tests.bench.workloads.own_files import GOOD, change

ROOT = Path(__file__).parents[2]


def call(door: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", f"bench.{door}", *words)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_a_new_workload_is_the_skeleton_and_is_never_written_over(tmp_path: Path) -> None:
    answer = call("run", "--new-workload", "my_model.py", cwd=tmp_path)
    assert answer.returncode == 0
    assert answer.stdout == "Written: my_model.py; measure it: python -m bench.run --workload my_model.py\n"
    assert (tmp_path / "my_model.py").read_text() == SKELETON.read_text()
    (tmp_path / "my_model.py").write_text("precious")
    answer = call("run", "--new-workload", "my_model.py", cwd=tmp_path)
    assert answer.returncode == 2
    assert "is there already and was left as it is" in answer.stderr
    assert (tmp_path / "my_model.py").read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "said"), [("my_model.txt", "ends in .py"), ("absent/my_model.py", "can't be written")]
)
def test_a_place_for_a_new_workload_that_is_none_is_refused(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        write_skeleton(tmp_path / name)


def test_the_skeleton_runs_as_it_is_and_an_edited_file_is_not_compared_with_it(tmp_path: Path) -> None:
    path = tmp_path / "my_model.py"
    write_skeleton(path)
    words = ("--workload", "my_model.py", "--device", "cpu", "--steps", "20")
    answer = call("run", *words, "--output", "base", cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    stored = read_run(tmp_path / "base")
    (case,) = stored.info.plan.cases
    assert case.workload is not None
    assert (case.name, case.workload.place) == ("cpu/my_model", "my_model.py:Workload")
    assert case.workload.digest == find_workload(str(path)).digest
    assert "Workload my_model: my_model.py:Workload, digest" in answer.stdout
    (row,) = csv.DictReader((tmp_path / "base" / "work.csv").read_text().splitlines())
    assert float(row["flop_per_step"]) == 2 * 64 * (3 * (32 * 64 + 64) - 32 * 64)
    (row,) = csv.DictReader((tmp_path / "base" / "accuracy.csv").read_text().splitlines())
    assert (row["quality"], float(row["heldout_error"]) > 0) == ("reference", True)

    path.write_text(path.read_text() + "\n# edited\n")
    assert call("run", *words, "--output", "head", cwd=tmp_path).returncode == 0
    answer = call("compare", "base", "head", cwd=tmp_path)
    assert answer.returncode == 4
    assert "workload" in answer.stdout + answer.stderr
    assert call("compare", "base", "head", "--allow", "workload", cwd=tmp_path).returncode == 0


def test_a_mistake_that_is_seen_before_anything_runs_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "my_model.py").write_text("print('noise')\n" + change("def run(", "def train("))
    answer = call("run", "--workload", "my_model.py", "--device", "cpu", cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert len(answer.stderr.splitlines()) == 1
    assert "has no method run(num_steps)" in answer.stderr
    assert not (tmp_path / "results").exists()


def test_a_mistake_in_what_a_step_does_is_exit_5_and_one_that_is_raised_is_exit_6(tmp_path: Path) -> None:
    returned = "loss = self.step()\n        return loss"
    for name, text, code, said in (
        ("nan", change(returned, f"{returned} * float('nan')"), 5, "what run returned is nan"),
        ("raises", change("self.num_steps += 1", "raise ValueError('no luck')"), 6, "run raised ValueError: no luck"),
    ):
        (tmp_path / f"{name}.py").write_text(text)
        answer = call("run", "--workload", f"{name}.py", "--device", "cpu", "--output", f"r-{name}", cwd=tmp_path)
        assert answer.returncode == code
        assert said in answer.stdout
        assert f"--workload {name}.py:Workload --precision fp32 --threads 1 --steps 200" in answer.stdout
        assert "in run" in next((tmp_path / f"r-{name}" / "logs").iterdir()).read_text() or name == "nan"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--engine", "eager"), "--engine is of the product network"),
        (("--batching", "manual"), "--batching is of the product network"),
        (("--suite", "full"), "--suite is of the product network"),
        (("--compile",), "--engine is of the product network"),
        (("--steps", "0"), "at least 1"),
    ],
)
def test_flags_that_say_nothing_of_a_workload_are_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "my_model.py").write_text(GOOD)
    answer = call("run", "--workload", "my_model.py", *words, cwd=tmp_path)
    assert answer.returncode == 2
    assert said in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_the_reference_is_float32_on_the_cpu_among_the_cases_or_beside_them(tmp_path: Path) -> None:
    (tmp_path / "my_model.py").write_text(GOOD)
    workload = find_workload("my_model.py", tmp_path)
    cases = plan_own_cases(workload, ("cuda", "cpu"), ("bf16", "fp32"), num_threads=2, num_steps=7)
    assert [case.name for case in cases] == [
        "cuda/my_model/bf16/2-threads",
        "cuda/my_model/2-threads",
        "cpu/my_model/bf16/2-threads",
        "cpu/my_model/2-threads",
    ]
    assert choose_own_reference(cases) is cases[3]
    apart = choose_own_reference(cases[:3])
    assert (apart.name, apart.num_epochs, apart.workload) == ("cpu/my_model", 7, workload)


def test_an_arm_may_be_a_workload_with_its_steps_and_no_engine(tmp_path: Path) -> None:
    (tmp_path / "my_model.py").write_text(GOOD)
    case = make_case(parse_settings(["workload=my_model.py", "steps=7", "precision=bf16"]), "cpu", tmp_path)
    assert (case.name, case.num_epochs) == ("cpu/my_model/bf16", 7)
    with pytest.raises(UsageError, match="engine= is the product network's"):
        parse_settings(["workload=my_model.py", "engine=eager"])
    with pytest.raises(UsageError, match="steps= is of a workload of your own"):
        parse_settings(["engine=eager", "steps=7"])
    with pytest.raises(UsageError, match="steps=many is no number"):
        make_case(parse_settings(["workload=my_model.py", "steps=many"]), "cpu", tmp_path)
    with pytest.raises(ConfigError, match="at least 1"):
        make_case(parse_settings(["workload=my_model.py", "steps=0"]), "cpu", tmp_path)
    ours = make_case(parse_settings(["workload=bench.workloads.known:spins_0"]), "cpu")
    assert ours.workload is None


def test_a_budget_may_be_of_a_workload_that_lies_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "my_model.py").write_text(GOOD)
    path = tmp_path / "budgets.toml"
    path.write_text('[[case]]\nworkload = "my_model.py"\nsteps = 7\ndevice = "cpu"\nallowed = "3%"\n')
    (budget,) = read_budgets(path, tmp_path)
    assert budget.settings == {"workload": "my_model.py", "steps": "7", "device": "cpu"}
    path.write_text('[[case]]\nworkload = "my_model.py"\nengine = "eager"\ndevice = "cpu"\nallowed = "3%"\n')
    with pytest.raises(UsageError, match="'engine' is not known"):
        read_budgets(path, tmp_path)


def test_the_page_has_every_word_of_the_protocol_and_every_link_of_it_leads_somewhere() -> None:
    page = (ROOT / "docs" / "workload.md").read_text()
    for word in ("items_per_step", "run(self", "heldout_error", "fetch", "multiply_adds_per_step", "--steps"):
        assert word in page
    for target in re.findall(r"\]\(([^)#]+)\)", page):
        assert (ROOT / "docs" / target).exists(), target
