"""Comparisons as one JSON document: raw numbers in base units; what is not known is null."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from bench.judge.comparability import FieldDifference
from bench.judge.comparison import Criteria, Difference
from bench.judge.devices import CaseTime, DeviceFigure, Overall, rank
from bench.judge.sides import CaseComparison
from bench.records.case import Case
from bench.records.run import Run
from bench.records.side import Side
from bench.render.comparison import Compared
from bench.render.document import Document


def document_sides(compared: Sequence[Compared], criteria: Criteria) -> Document:
    """Return the base with every head beside it."""
    return {
        "kind": "sides",
        "criteria": msgspec.to_builtins(criteria),
        "base": _side(compared[0].base),
        "heads": [
            {
                **_side(each.head),
                "cases": [_case(case) for case in each.comparison.cases],
                "missing": [case.name for case in each.comparison.missing],
                "new": [case.name for case in each.comparison.new],
                "allowed": _fields(each.allowed),
                "unchecked": list(each.comparability.unchecked),
                "suspects": _fields(each.comparability.suspects),
            }
            for each in compared
        ],
    }


def document_within(run: Run, cases: Sequence[CaseComparison], criteria: Criteria) -> Document:
    """Return the cases of a run beside its first."""
    return {
        "kind": "within",
        "criteria": msgspec.to_builtins(criteria),
        "baseline": _name_case(run.info.plan.baseline),
        "cases": [_case(case) for case in cases],
    }


def document_devices(
    figures: Sequence[DeviceFigure],
    overall: Sequence[Overall],
    times: Sequence[CaseTime],
    reference: str | None,
    faults: Mapping[str, Exception],
) -> Document:
    """Return what every mode takes on every device, and in every run."""
    return {
        "kind": "devices",
        "reference_mode": reference,
        "figures": [_figure(each) for each in figures],
        "overall": [msgspec.to_builtins(each) for each in overall],
        "runs": [
            {
                "run": time.name,
                "device": time.device,
                "case": time.result.case.name,
                "is_published": time.is_published,
                "seconds_a_step": time.seconds,
                "training_seconds": msgspec.to_builtins(time.result.training_seconds),
                "price_per_hour": time.result.price_per_hour,
                "training_money": msgspec.to_builtins(time.result.training_money),
                "quality": str(time.result.quality),
                "rank": rank(time, times),
            }
            for time in times
        ],
        "unreadable": {name: str(fault) for name, fault in faults.items()},
    }


def _figure(figure: DeviceFigure) -> Document:
    return {
        "device": figure.device,
        "mode": figure.mode,
        "seconds_a_step": list(figure.seconds),
        "log_half_width": figure.half_width,
        "num_machines": figure.num_machines,
        "is_of_one_machine": figure.is_of_one_machine,
        "speedup": figure.speedup,
        **_ratios(figure.difference),
    }


def _ratios(found: Difference | None) -> Document:
    ends = {"": found.mean, "_low": found.low, "_high": found.high} if found else dict.fromkeys(("", "_low", "_high"))
    return {
        **{f"log_ratio{end}": value for end, value in ends.items()},
        **{f"time_ratio{end}": None if value is None else math.exp(value) for end, value in ends.items()},
    }


def _side(side: Side) -> Document:
    runs = [
        {"path": str(each.path), "started_at": each.result.info.started_at, "is_complete": each.result.is_complete}
        for each in side.runs
    ]
    return {"name": side.name, "runs": runs, "skipped": list(side.skipped)}


def _fields(differences: Sequence[FieldDifference]) -> list[object]:
    return [msgspec.to_builtins(each) for each in differences]


def _name_case(case: Case) -> Document:
    return {"case": case.name, **msgspec.to_builtins(case)}


def _case(case: CaseComparison) -> Document:
    found, quality = case.difference, case.quality
    return {
        **_name_case(case.case),
        "base_seconds_a_step": list(case.base_seconds),
        "head_seconds_a_step": list(case.head_seconds),
        **_ratios(found),
        "verdict": case.verdict,
        "num_needed": found.num_needed if found else None,
        "quality": str(quality.quality),
        "quality_reason": quality.reason,
        "is_identical": quality.is_identical,
        "quality_log_ratio": msgspec.to_builtins(quality.log_ratio),
        "faults": list(case.faults),
        "remarks": list(case.remarks),
    }
