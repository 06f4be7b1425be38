from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from bench.errors import UsageError, WorkloadError
from bench.workloads.files import find_workload, import_class, list_axes
from tests.bench.workloads.own_files import GOOD, PHASES, SIZED, change, write


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])


def complain(directory: Path, text: str, class_name: str = "Workload") -> str:
    with pytest.raises(WorkloadError) as caught:
        import_class(find_workload(f"{write(directory, text)}:{class_name}"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import no_such_library\n", ("can't be imported", "No module named 'no_such_library'", "(line 1)")),
        ("\nclass Workload\n", ("can't be imported", "SyntaxError", "(line 2)")),
        ("import sys\nsys.exit(3)\n", ("can't be imported", "SystemExit: 3", "(line 2)")),
        ("\n\n1 / 0\n", ("ZeroDivisionError: division by zero", "(line 3)")),
        (change("class Workload", "class Model"), ("no class 'Workload'", "it has: Model")),
        ("", ("no class 'Workload'", "a class with a method run(num_steps)")),
        ("def Workload(device, precision, seed):\n    pass\n", ("'Workload', which is no class",)),
        (
            change("(self, device, precision, seed)", "(self, device)"),
            ("Workload(device, precision, seed)", "too many"),
        ),
        (change("def run(self, num_steps)", "def run(self)"), ("can't be called as run(num_steps)", "too many")),
        (change("def run(", "def train("), ("no method run(num_steps)",)),
        (GOOD + PHASES.replace("def backward", "def go_back"), ("has fetch and lacks backward",)),
        (GOOD + PHASES.replace("def forward(self, batch)", "def forward(self)"), ("forward(batch)",)),
        (GOOD + "\n    def heldout_error(self, data):\n        return 1.0\n", ("heldout_error()", "data")),
    ],
)
def test_a_mistake_that_can_be_seen_before_anything_runs_is_named(
    tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    said = complain(tmp_path, text)
    for word in ("my_model", *words):
        assert word in said
    assert "\n" not in said


def test_axes_are_the_parameters_with_a_whole_number_as_default(tmp_path: Path) -> None:
    assert list_axes(import_class(find_workload(str(write(tmp_path, SIZED))))) == {"batch_size": 4}
    assert list_axes(import_class(find_workload(str(write(tmp_path, GOOD))))) == {}


def test_an_argument_that_the_class_does_not_take_is_named(tmp_path: Path) -> None:
    workload = msgspec.structs.replace(find_workload(str(write(tmp_path, SIZED))), arguments=(("width", 3),))
    with pytest.raises(WorkloadError, match=r"called as Workload\(device, precision, seed, width=3\): .*'width'"):
        import_class(workload)


def test_a_name_that_a_file_lacks_is_named_with_those_it_has(tmp_path: Path) -> None:
    assert "no class 'Other': it has: Workload" in complain(tmp_path, GOOD, "Other")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("absent.py", "there is no file absent.py; a new one: python -m bench.run --new-workload absent.py"),
        ("no_such_module:Name", "there is no module 'no_such_module'"),
        ("no.such.module:Name", "there is no module 'no.such.module'"),
        ("sys:Name", "there is no module 'sys'"),
        ("", "there is no module ''"),
        ("absent.py:not-a-name", "no name of a class"),
        ("absent.py:", "no name of a class"),
        ("x" * 501 + ".py", "too long"),
        ("a\udcff.py", "no text"),
    ],
)
def test_what_is_not_there_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        find_workload(words)
    assert said in str(caught.value)


def test_a_workload_is_named_after_its_file_and_its_class_where_that_has_another_name(tmp_path: Path) -> None:
    path = tmp_path / "conv.py"
    path.write_text(GOOD)
    assert find_workload(str(path)).name == "conv"
    assert find_workload(f"{path}:Compiled").name == "conv.Compiled"
    assert find_workload(f"{path}:Compiled").place == f"{path}:Compiled"
    assert find_workload(str(path)).place == f"{path}:Workload"


def test_a_file_is_looked_for_where_one_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "conv.py").write_text(GOOD)
    assert find_workload("conv.py", tmp_path) == find_workload(str(tmp_path / "conv.py"))


def test_names_that_files_and_tables_could_not_bear_become_plain_and_stay_apart(tmp_path: Path) -> None:
    names = set()
    for stem in ("a:b", "a|b", "x" * 200, "x" * 199 + "y", "=1+1", "[red]x[/red]".replace("/", ""), "🙂"):
        path = tmp_path / f"{stem}.py"
        path.write_text(GOOD)
        names.add(find_workload(str(path)).name)
    assert len(names) == 7
    for name in names:
        assert len(name) <= 50
        assert all(each.isascii() and (each.isalnum() or each in "_.-") for each in name)


def test_another_content_is_another_digest(tmp_path: Path) -> None:
    path = tmp_path / "conv.py"
    path.write_text(GOOD)
    before = find_workload(str(path))
    path.write_text(GOOD + "\n")
    after = find_workload(str(path))
    assert before.name == after.name
    assert before.digest != after.digest


def test_a_module_is_found_by_its_name_and_imported_with_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_package_1").mkdir()
    (tmp_path / "own_package_1" / "__init__.py").write_text("")
    (tmp_path / "own_package_1" / "model.py").write_text("from .other import base\n" + GOOD)
    (tmp_path / "own_package_1" / "other.py").write_text("base = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = find_workload("own_package_1.model")
    assert found.name == "model"
    assert import_class(found).__name__ == "Workload"


def test_a_file_finds_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "own_neighbour_1.py").write_text("value = 1\n")
    assert import_class(find_workload(str(write(tmp_path, "import own_neighbour_1\n" + GOOD)))).__name__ == "Workload"


def test_a_file_that_is_called_like_a_library_does_not_take_its_place(tmp_path: Path) -> None:
    import statistics

    path = tmp_path / "statistics.py"
    path.write_text(GOOD)
    assert import_class(find_workload(str(path))).__name__ == "Workload"
    assert sys.modules["statistics"] is statistics


def test_a_network_may_be_a_workload_and_a_static_method_may_run_it(tmp_path: Path) -> None:
    network = change("class Workload:", "class Workload(torch.nn.Module):")
    static = change("def run(self, num_steps)", "@staticmethod\n    def run(num_steps)")
    for text in (network, static):
        assert import_class(find_workload(str(write(tmp_path, text)))).__name__ == "Workload"
