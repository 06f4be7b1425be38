"""The doctor's report, and findings and advice as sentences."""

from __future__ import annotations

import msgspec
import pytest

from bench.judge.advice import _RULES, Advice
from bench.judge.checks import CHECKS, check_machine
from bench.judge.findings import Evidence, Finding
from bench.records.conditions import Conditions, GpuConditions
from bench.records.environment import Accelerator, Environment, Gpu, Identity, Recorded
from bench.render.advice import ADVICE, FINDINGS, advice_file, advice_lines, describe_finding
from bench.render.doctor import describe_environment, describe_health
from tests.bench.runs import ENVIRONMENT

DRIFT = Finding(
    check="drift",
    case_name="cpu/eager/manual",
    seen={"case": "cpu/eager/manual", "change": 0.11, "p": 4e-6, "num_found": 2, "num_processes": 3},
    cause="heat",
    remedy="wait",
    undo=None,
)
LOADER = Advice("loader", {"case": "cpu/eager/dataloader", "ratio": 2.104}, "python -m bench.run --batching manual")


def show(environment: Environment | None, width: int = 100, now: Conditions | None = None) -> str:
    evidence = Evidence(environment, ((now, None),) if now else ())
    devices = (Accelerator(name="cuda", model_name="Example GPU", memory_bytes=2**36),)
    return describe_health(evidence, devices, {"mps": "built without MPS"}, check_machine(evidence), width)


def test_every_check_has_its_sentence_and_every_rule_too() -> None:
    assert set(FINDINGS) == {check.name for check in CHECKS}
    assert len(ADVICE) >= len(_RULES)


def test_a_finding_says_about_what_how_much_how_often_and_why() -> None:
    assert describe_finding(DRIFT) == (
        "drift: cpu/eager/manual: a step took +11.0% at the end of the rounds against their start, p = 4e-06, "
        "in 2 of 3 processes; heat"
    )


@pytest.mark.parametrize(
    ("advice", "sentence"),
    [
        (LOADER, "the DataLoader costs 2.1 times the training itself, because it fetches sample by sample"),
        (
            Advice("compile", {"case": "c", "gain": 0.8, "num_epochs": 1000}, ""),
            "never pays, it trains 0.8x as fast",
        ),
        (
            Advice("compile", {"case": "c", "gain": 1.2, "num_epochs": 1000, "pays_after": 2500.4}, ""),
            "pays after 2,500 epochs, and this training has 1,000",
        ),
        (
            Advice("failed", {"case": "c", "num_failed": 3, "reason": "killed."}, ""),
            "c failed, and 2 more case(s): killed.",
        ),
        (Advice("optimizer", {"case": "c", "share": 0.528, "gain": 1.5}, ""), "takes 53 % of a step; eager, with"),
        (Advice("amp", {"case": "c", "precision": "bf16", "gain": 0.5}, ""), "bf16 trains 0.5x as fast as fp32"),
        (Advice("next suite", {"suite": "standard"}, ""), "the suite standard"),
        (Advice("replicates", {"num_replicates": 3}, ""), "3 replicate(s) can't settle"),
    ],
)
def test_advice_is_a_sentence_with_its_numbers(advice: Advice, sentence: str) -> None:
    assert sentence in ADVICE[advice.rule](advice.seen)


def test_a_command_is_never_folded_and_everything_else_fits() -> None:
    long = "python -m bench.run --device cpu --engine reference --batching manual,dataloader-batched"
    lines = advice_lines([with_command(LOADER, long)], [DRIFT], 60)
    assert f"     {long}" in lines
    assert all(len(line) <= 60 or long in line for line in lines)


def with_command(advice: Advice, command: str) -> Advice:
    return Advice(advice.rule, advice.seen, command)


def test_without_advice_or_findings_the_terminal_gets_no_line_and_the_file_says_so() -> None:
    assert advice_lines([], [], 80) == []
    assert "Nothing that the checks look for was found." in advice_file("Fastest: x", [], [])


def test_hostile_text_does_nothing_in_the_file_or_on_the_terminal() -> None:
    hostile = Advice("failed", {"case": "<b>", "num_failed": 1, "reason": "`x`\x1b[2J\n# h"}, "run\x1b[2J\n`x`")
    text = advice_file("first <i>", [hostile], [])
    assert "<" not in text
    assert "\x1b" not in text
    assert "\n# h" not in text
    assert all(line.isprintable() for line in advice_lines([hostile], [], 80))


def test_the_doctor_shows_machine_devices_and_last_what_spoils_mends_and_undoes() -> None:
    environment = Environment(
        identity=msgspec.structs.replace(ENVIRONMENT.identity, variables={"OMP_NUM_THREADS": "3"}),
        recorded=Recorded(
            cpu_governor="powersave",
            load_average_1_minute=9.0,
            num_logical_cpus=2,
            git_commit="a" * 40,
            git_is_dirty=True,
        ),
    )
    card = GpuConditions(name="cuda", clock_hertz=3.45e8, temperature_celsius=30.0, power_watts=71.6)
    text = show(environment, now=Conditions(moment="before", gpus=(card,), load_average_1_minute=9.5))
    assert "  CPU        Example CPU" in text
    assert "  code       commit aaaaaaaaaaaa, changed since" in text
    assert "  load       9.50 over the last minute" in text
    assert "  cuda       Example GPU, 64.00 GiB, 345 MHz, 30 C, 72 W" in text
    assert "  mps        not usable: built without MPS" in text
    findings = text.partition("What may spoil")[2]
    assert "  - load: a load of 9.0 on 2 CPUs" in findings
    assert "      mend: echo performance | sudo tee" in findings
    assert "      undo: echo powersave | sudo tee" in findings
    assert "      undo: export OMP_NUM_THREADS=3" in findings


def test_a_machine_without_findings_or_facts_is_shown_all_the_same() -> None:
    assert "Nothing of what is looked for." in show(None)
    text = show(Environment(identity=Identity(), recorded=Recorded()))
    assert "cpu_model              unknown" in text
    assert "no commit known" in text


@pytest.mark.parametrize("width", [120, 80, 40])
def test_the_doctor_fits_the_terminal_and_nothing_moves_it(width: int) -> None:
    identity = msgspec.structs.replace(
        ENVIRONMENT.identity, cpu_model="x\x1b[2J " * 9, torch_build="word " * 500, variables={"OMP_\n": "\x07" * 5}
    )
    recorded = Recorded(torch_parallel_info="a b " * 99, cpu_governor="powersave")
    lines = show(Environment(identity=identity, recorded=recorded), width).split("\n")
    assert all(line.isprintable() for line in lines)
    # A command is left whole.
    assert all(len(line) <= max(width, 80) for line in lines if not line.startswith("      "))
    text = "\n".join(lines)
    assert "word ..." in " ".join(text.split())


def test_every_fact_of_an_environment_is_listed() -> None:
    facts = dict(describe_environment(ENVIRONMENT))
    assert facts["cpu_model"] == "Example CPU"
    assert facts["accelerators"] == "cuda:0: Example GPU"
    assert facts["num_cpus_granted"] == "2"
    assert facts["memory_bytes"] == "unknown"
    assert len(facts) == len(ENVIRONMENT.identity.__struct_fields__) + len(ENVIRONMENT.recorded.__struct_fields__)


def test_facts_are_shown_in_their_units() -> None:
    identity = msgspec.structs.replace(ENVIRONMENT.identity, accelerators=(), variables={"OMP_NUM_THREADS": "1"})
    recorded = msgspec.structs.replace(
        ENVIRONMENT.recorded, memory_bytes=3 * 2**30, git_is_dirty=True, load_average_1_minute=0.5
    )
    facts = dict(describe_environment(type(ENVIRONMENT)(identity=identity, recorded=recorded)))
    assert facts["accelerators"] == "none"
    assert facts["variables"] == "OMP_NUM_THREADS=1"
    assert facts["memory_bytes"] == "3.000 GiB"
    assert facts["git_is_dirty"] == "yes"
    assert facts["load_average_1_minute"] == "0.5"


def test_cards_and_clocks_of_an_environment_are_shown() -> None:
    card = Gpu(name="cuda", uuid="1234", max_clock_hertz=1.98e9, is_persistent=True)
    recorded = Recorded(gpus=(card,), cpu_frequency_hertz=2.6e9, cpu_affinity=(0, 2))
    facts = dict(describe_environment(Environment(identity=Identity(), recorded=recorded)))
    assert facts["gpus"] == "cuda: uuid 1234, max_clock_hertz 1.98 GHz, is_persistent yes"
    assert facts["cpu_frequency_hertz"] == "2.60 GHz"
    assert facts["cpu_affinity"] == "0, 2"
