from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
import torch

from bench.errors import WorkloadError
from bench.own import SKELETON
from bench.records.case import OwnWorkload
from bench.workloads.files import find_workload
from bench.workloads.own import Own
from tests.bench.workloads.own_files import GOOD, PHASES, SIZED, case_of, case_of_text, change, write

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no path of a test behind."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def examined(workload: OwnWorkload, precision: str = "fp32", seed: int = 1) -> Own:
    own = Own(case_of(workload, precision), seed)
    own.run_first_step()
    own.prepare()
    own.examine()
    return own


def complain(directory: Path, text: str, precision: str = "fp32") -> str:
    """Return what is said of a file when its steps are watched, or its training is judged."""
    with pytest.raises(WorkloadError) as caught:
        examined(find_workload(str(write(directory, text))), precision).judge()
    return str(caught.value)


RETURN = "            loss = self.step()\n        return loss"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (change(RETURN, f"{RETURN}.to('meta')"), ("not on the device", "what run returned is on meta", "was cpu")),
        (
            change("Linear(3, 2).to(device)", "Linear(3, 2, device='meta')")
            .replace("device=self.device", "device='meta'")
            .replace(RETURN, f"{RETURN}.new_zeros((), device='cpu')"),
            ("not on the device", "parameter weight is on meta"),
        ),
        (
            change(
                "loss.backward()", "torch.ones(2, 2, device='meta') @ torch.ones(2, 2, device='meta'); loss.backward()"
            ),
            ("not on the device", "what a step computes is on meta"),
        ),
        (
            change(RETURN, "            torch.ones(3, device='meta').sum()\n        return 0.5"),
            ("not on the device", "what a step computes is on meta"),
        ),
        (change(RETURN, "            pass\n        return 0.5"), ("has no steps", "run(1) carried out no operation")),
        (
            change("self.num_steps += 1", "self.num_steps += 1; 1 / (self.num_steps < 4)"),
            ("run raised ZeroDivisionError: division by zero", "(line 21)"),
        ),
        (
            change("        # built", "        raise KeyError('no such weights')"),
            ("the class raised KeyError", "(line 13)"),
        ),
        (change(RETURN, f"{RETURN} * float('nan')"), ("what run returned is nan",)),
        (change(RETURN, "            loss = self.step()"), ("run returned nothing", "return the loss")),
        (change(RETURN, f"{RETURN}.expand(3)"), ("a tensor of shape (3,)", "one number expected")),
        (change(RETURN, f"{RETURN[:-4]}'low'"), ("is 'low'", "one number expected")),
        (
            change("loss = self.step()", "self.kept = loss = self.step() if self.kept is None else self.kept"),
            ("returns an output that it kept", "the second did not"),
        ),
        (
            change(
                "self.num_steps += 1", "self.num_steps += 1; self.num_steps == 3 and self.predict(torch.ones(4, 3))"
            ),
            ("changes its work", "the third step", "aten.addmm", "2 times, not 1"),
        ),
        (
            change(
                "self.num_steps += 1", "self.num_steps += 1; self.num_steps == 6 and self.predict(torch.ones(4, 3))"
            ),
            ("changes its work", "the step after the last", "2 times, not 1"),
        ),
        (change("range(num_steps)", "range(1)"), ("run(2) did the work of one step",)),
        (
            change("range(num_steps)", "range(2 * num_steps - 1)"),
            ("run(2) did other work than two steps", "3 times, not 2"),
        ),
        (change("items_per_step = 4", "items_per_step = 0"), ("items_per_step is 0", "from 1 on")),
        (change("items_per_step = 4", "batch_size = 4"), ("items_per_step is None",)),
        (
            GOOD + PHASES.replace("        loss.backward()", "        loss.backward(); self.predict(torch.ones(4, 3))"),
            ("fetch, forward, backward and optimize in turn did other work than a step of run",),
        ),
        (
            GOOD + PHASES.replace("loss.backward()", "loss.forwards()"),
            ("fetch, forward, backward or optimize raised AttributeError",),
        ),
        (GOOD + "\n    def heldout_error(self):\n        return float('nan')\n", ("heldout_error() is nan",)),
        (
            GOOD + "\n    def heldout_error(self):\n        return -1.0\n",
            ("heldout_error() is -1", "0 to 1e+100 expected"),
        ),
        (GOOD + "\n    multiply_adds_per_step = 0\n", ("multiply_adds_per_step is 0", "1 or more")),
    ],
)
def test_a_mistake_in_what_a_step_does_is_named(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    said = complain(tmp_path, text)
    for word in ("my_model", *words):
        assert word in said


def test_the_right_file_is_taken_with_and_without_phases(tmp_path: Path) -> None:
    for text in (GOOD, GOOD + PHASES):
        own = examined(find_workload(str(write(tmp_path, text))))
        assert own.judge().heldout_error is None
        assert own.num_samples_per_epoch == 4
        assert (own.step() is not None) == (text != GOOD)


def test_steps_without_a_product_may_fetch_elsewhere(tmp_path: Path) -> None:
    text = change(RETURN, "            torch.ones(3, device='meta'); torch.ones(3).sum()\n        return 0.5")
    own = examined(find_workload(str(write(tmp_path, text))))
    assert own.num_multiply_adds_per_step is None


def test_a_step_s_multiply_adds_are_counted(tmp_path: Path) -> None:
    own = examined(find_workload(str(write(tmp_path))))
    # forward, and the weights' gradient: 4 x 3 x 2 each; the inputs need none
    assert own.num_multiply_adds_per_step == own.least_multiply_adds_per_step == 48


def test_convolutions_may_need_fewer_than_are_counted(tmp_path: Path) -> None:
    text = change("torch.nn.Linear(3, 2)", "torch.nn.Conv2d(1, 1, 3)").replace("(4, 3,", "(4, 1, 3, 3,")
    own = examined(find_workload(str(write(tmp_path, text))))
    assert own.num_multiply_adds_per_step == 72
    assert own.least_multiply_adds_per_step == 18


def test_work_that_torch_does_not_see_may_be_declared(tmp_path: Path) -> None:
    text = change(RETURN, "            sum(range(100))\n        return 0.5").replace(
        "items", "multiply_adds_per_step = 7\n    items"
    )
    own = examined(find_workload(str(write(tmp_path, text))))
    assert own.num_multiply_adds_per_step == own.least_multiply_adds_per_step == 7
    assert own.judge().digest


def test_a_16_bit_precision_that_was_not_used_is_named_and_one_that_was_is_taken(tmp_path: Path) -> None:
    said = complain(tmp_path, change("precision.autocast(self.model)", "self.model"), "bf16")
    assert "not in the precision that was asked for: bf16 multiplies in bfloat16, its steps in float32" in said
    assert examined(find_workload(str(write(tmp_path))), "bf16").arithmetic.precision == "bf16"


def test_16_bits_where_float32_was_asked_for_are_named(tmp_path: Path) -> None:
    text = change("precision.autocast(self.model)", "torch.autocast('cpu', torch.bfloat16)(self.model)")
    assert "fp32 multiplies in float32, its steps in bfloat16" in complain(tmp_path, text)


def test_a_training_starts_from_the_same_place_again(tmp_path: Path) -> None:
    own = examined(find_workload(str(write(tmp_path))))
    losses = []
    for _ in range(2):
        own.restart()
        losses.append([float(own.train(1)[0]) for _ in range(3)])
    assert losses[0] == losses[1]
    own.seed = 2
    own.restart()
    assert float(own.train(1)[0]) != losses[0][0]


def test_a_compiled_model_is_watched_as_it_was_written_and_is_compiled_again_after_each_restart(tmp_path: Path) -> None:
    text = change("precision.autocast(self.model)", "torch.compile(self.model, backend=count)")
    text = change(
        "class Workload",
        "compiled = []\ndef count(graph, _inputs):\n    compiled.append(1)\n    return graph\n\nclass Workload",
        text,
    )
    own = examined(find_workload(str(write(tmp_path, text))))
    assert own.num_multiply_adds_per_step == 48
    compiled = sys.modules[own.make.__module__].compiled
    for _ in range(12):  # more often than torch would compile one function without a reset
        own.restart()
    before = len(compiled)
    own.restart()
    assert len(compiled) == before + 1


def test_a_class_is_called_with_the_arguments_of_its_case(tmp_path: Path) -> None:
    workload = find_workload(str(write(tmp_path, SIZED)))
    assert examined(workload).num_samples_per_epoch == 4
    own = examined(msgspec.structs.replace(workload, arguments=(("batch_size", 32),)))
    assert own.num_samples_per_epoch == 32
    assert own.num_multiply_adds_per_step == 2 * 32 * 3 * 2


def test_a_file_that_has_changed_since_it_was_found_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    workload = find_workload(str(path))
    path.write_text(GOOD + "\n# another\n")
    with pytest.raises(WorkloadError, match="is not what it was when this began"):
        Own(case_of(workload), 1)


def test_errors_of_memory_stay_what_they_are(tmp_path: Path) -> None:
    text = change("self.num_steps += 1", "raise torch.OutOfMemoryError('no room')")
    with pytest.raises(torch.OutOfMemoryError, match="no room"):
        examined(find_workload(str(write(tmp_path, text))))


@pytest.mark.parametrize("place", ["conv.py", "transformer.py", "transformer.py:Compiled"])
def test_the_examples_are_workloads(place: str) -> None:
    own = Own(case_of(find_workload(str(EXAMPLES / place))), 1)
    own._build()
    if place != "transformer.py:Compiled":  # compiling takes seconds
        own.run_first_step()
    own.examine()
    assert (own.num_multiply_adds_per_step or 0) > 1e6


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_skeleton_is_a_workload_with_a_quality_that_training_betters(precision: str) -> None:
    own = examined(find_workload(str(SKELETON)), precision)
    before = own.judge().heldout_error
    own.train(100)
    after = own.judge().heldout_error
    assert before is not None
    assert after is not None
    assert after < before / 2


def test_a_workload_s_digest_is_its_trainings(tmp_path: Path) -> None:
    case = case_of_text(tmp_path)
    assert case.workload is not None
    assert Own(case, 1).judge.__self__.digest == case.workload.digest  # type: ignore[attr-defined]
    assert msgspec.json.decode(msgspec.json.encode(case), type=type(case)) == case
