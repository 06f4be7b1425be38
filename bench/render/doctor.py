"""The doctor's report: a machine, its devices, the facts that a run keeps, and what may spoil a measurement here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from bench.judge.findings import Evidence, Finding
from bench.records.conditions import Conditions
from bench.records.environment import Accelerator, Environment, Gpu, Recorded
from bench.render.advice import describe_finding, remedies
from bench.render.escape import for_terminal
from bench.render.summary import UNKNOWN
from bench.render.table import wrap
from bench.render.units import binary_bytes

_LABEL_WIDTH = 11
_MAX_WIDTH = 120
"""Longer lines are hard to read, however wide the terminal is."""
_MAX_FACT_LENGTH = 200
"""How torch was built takes 2,000 characters; a run's file has them."""


def describe_health(
    evidence: Evidence,
    devices: Sequence[Accelerator],
    unusable: Mapping[str, str],
    findings: Sequence[Finding],
    width: int,
) -> str:
    """Lay out all that the doctor knows.

    Args:
        devices: those that work, the best first.
        unusable: name of a device -> why it can't be used.
    """
    width = min(width, _MAX_WIDTH)
    now = evidence.pairs[-1][1] or evidence.pairs[-1][0] if evidence.pairs else None
    lines = ["This machine"]
    if evidence.environment is not None:
        for label, text in _summarise(evidence.environment, now):
            lines += _row(label, text, width)
    lines += ["", "Devices, the best first"]
    for device in devices:
        lines += _row(device.name, _describe_device(device, now), width)
    for name, reason in unusable.items():
        lines += _row(name, f"not usable: {reason}", width)
    if evidence.environment is not None:
        lines += ["", *_list_facts(evidence.environment, now, width)]
    # Last, where a terminal shows it.
    lines += ["", *_describe_findings(findings, width)]
    return "\n".join(lines)


def describe_environment(environment: Environment) -> list[tuple[str, str]]:
    """List every fact of an environment: its name and its value, "unknown" where it could not be read."""
    return [*_describe_struct(environment.identity), *_describe_struct(environment.recorded)]


def _describe_findings(findings: Sequence[Finding], width: int) -> list[str]:
    if not findings:
        return ["What may spoil a measurement here", "  Nothing of what is looked for."]
    lines = ["What may spoil a measurement here (nothing was changed: the commands are yours)"]
    for finding in findings:
        first, *rest = wrap(for_terminal(describe_finding(finding)), width - 4).split("\n")
        lines += [f"  - {first}", *(f"    {line}" for line in rest)]
        # A command is never folded: it is there to be copied.
        lines += [f"      {for_terminal(each)}" for each in remedies(finding)]
    return lines


def _summarise(environment: Environment, now: Conditions | None) -> list[tuple[str, str]]:
    """Say what matters most, in the words of people; what could not be read is left out, and stands in the list."""
    identity, recorded = environment.identity, environment.recorded
    commit = (recorded.git_commit or "")[:12]
    changed = {True: ", changed since", False: "", None: ", perhaps changed"}[recorded.git_is_dirty]
    cuda = f"CUDA {identity.torch_cuda_version}" if identity.torch_cuda_version else "no CUDA in this build"
    rows = [
        (
            "CPU",
            _join(identity.cpu_model or UNKNOWN, identity.cpu_capability, _show_hertz(recorded.cpu_frequency_hertz)),
        ),
        ("CPUs", _describe_cpus(identity.num_cpus_granted, recorded)),
        ("speed", _describe_speed(recorded, now)),
        ("memory", _describe_memory(recorded)),
        ("system", _join(recorded.os_release, "virtual machine" if recorded.is_virtual else None)),
        ("load", _describe_load(recorded, now)),
        ("Python", _join(f"{identity.python_implementation or ''} {identity.python_version or UNKNOWN}".strip())),
        (
            "torch",
            _join(
                identity.torch_version or UNKNOWN, cuda, identity.cudnn_version and f"cuDNN {identity.cudnn_version}"
            ),
        ),
        ("driver", identity.accelerator_driver or ""),
        ("code", f"commit {commit}{changed}" if commit else "no commit known"),
        ("variables", _show_fact("variables", identity.variables)),
    ]
    return [(label, text) for label, text in rows if text]


def _describe_cpus(granted: float | None, recorded: Recorded) -> str:
    logical = f"of {recorded.num_logical_cpus} logical" if recorded.num_logical_cpus else None
    cores = f"on {recorded.num_physical_cpus} cores" if recorded.num_physical_cpus else None
    words = [f"{granted:g} granted" if granted is not None else None, logical, cores]
    return " ".join(word for word in words if word)


def _describe_speed(recorded: Recorded, now: Conditions | None) -> str:
    temperature = now.cpu_temperature_celsius if now else recorded.cpu_temperature_celsius
    return _join(
        f"governor {recorded.cpu_governor}" if recorded.cpu_governor else None,
        None if recorded.cpu_boosts is None else f"boost {'on' if recorded.cpu_boosts else 'off'}",
        None if temperature is None else f"{temperature:g} C",
        None if recorded.is_on_battery is None else ("on battery" if recorded.is_on_battery else "on mains"),
        f"power profile {recorded.power_profile}" if recorded.power_profile else None,
    )


def _describe_memory(recorded: Recorded) -> str:
    limit, free = recorded.memory_limit_bytes, recorded.memory_available_bytes
    return _join(
        binary_bytes(recorded.memory_bytes) if recorded.memory_bytes is not None else None,
        f"{binary_bytes(free)} available" if free is not None else None,
        f"container limit {binary_bytes(limit)}" if limit is not None else None,
    )


def _describe_load(recorded: Recorded, now: Conditions | None) -> str:
    load = now.load_average_1_minute if now else recorded.load_average_1_minute
    return _join(
        f"{load:.2f} over the last minute" if load is not None else None,
        f"{recorded.num_processes:,} processes" if recorded.num_processes is not None else None,
    )


def _describe_device(device: Accelerator, now: Conditions | None) -> str:
    card = next((gpu for gpu in (now.gpus if now else None) or () if gpu.name == device.name), None)
    return _join(
        device.model_name,
        binary_bytes(device.memory_bytes) if device.memory_bytes is not None else None,
        _show_hertz(card.clock_hertz) if card else None,
        f"{card.temperature_celsius:g} C" if card and card.temperature_celsius is not None else None,
        f"{card.power_watts:.0f} W" if card and card.power_watts is not None else None,
    )


def _list_facts(environment: Environment, now: Conditions | None, width: int) -> list[str]:
    sets: list[tuple[str, Struct]] = [
        ("identity: must agree before two runs are compared", environment.identity),
        ("recorded: where two runs differ, a suspect", environment.recorded),
    ]
    sets += [("conditions: looked at before and after the rounds", now)] if now else []
    lines = ["Every fact that a run keeps"]
    for title, part in sets:
        facts = _describe_struct(part)
        lines += ["", f"  {title}"]
        label_width = max(len(name) for name, _ in facts) + 2
        for name, whole in facts:
            text = whole if len(whole) <= _MAX_FACT_LENGTH else f"{whole[:_MAX_FACT_LENGTH]} ..."
            lines += _row(name, text, width, label_width, indent="    ")
    return lines


def _describe_struct(part: Struct) -> list[tuple[str, str]]:
    return [(name, _show_fact(name, getattr(part, name))) for name in part.__struct_fields__]


def _row(label: str, text: str, width: int, label_width: int = _LABEL_WIDTH, indent: str = "  ") -> list[str]:
    """Lay out a label and its text, folded beside it; below it where the terminal is too narrow for that."""
    room = width - len(indent) - label_width
    label = for_terminal(label)
    lines = wrap(for_terminal(" ".join(text.split())), max(room, 20)).split("\n") or [""]
    first = f"{indent}{label:<{label_width}}{lines[0]}".rstrip()
    return [first, *(indent + " " * label_width + line for line in lines[1:])]


def _show_fact(name: str, value: object) -> str:
    match value:
        case None:
            return UNKNOWN
        case dict():
            return ", ".join(f"{key}={text}" for key, text in value.items()) or "none"
        case tuple():
            return ", ".join(map(_show_item, value)) or "none"
        case bool():
            return "yes" if value else "no"
        case int() if name.endswith("_bytes"):
            return binary_bytes(value)
        case float() if name.endswith("_hertz"):
            return _show_hertz(value) or UNKNOWN
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _show_item(item: object) -> str:
    match item:
        case Accelerator():
            return f"{item.name}: {item.model_name}"
        case Gpu() | Struct():
            facts = [(name, text) for name, text in _describe_struct(item) if name != "name" and text != UNKNOWN]
            return f"{getattr(item, 'name', '')}: " + ", ".join(f"{name} {text}" for name, text in facts)
        case _:
            return str(item)


def _show_hertz(hertz: float | None) -> str | None:
    if hertz is None:
        return None
    return f"{hertz / 1e9:.2f} GHz" if hertz >= 1e9 else f"{hertz / 1e6:.0f} MHz"


def _join(*parts: object) -> str:
    return ", ".join(str(part) for part in parts if part)
