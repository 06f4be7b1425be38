"""The tables of where the time of a batch goes."""

from __future__ import annotations

from collections.abc import Sequence

from bench.judge.phases import DATA_PARTS
from bench.judge.results import CaseResult
from bench.records.journal import PHASES
from bench.render.table import Column, Table, Value
from bench.render.tables import BRACKETS, CASE
from bench.render.units import microseconds, percent


def make_phases_table(results: Sequence[CaseResult]) -> Table:
    """Where the time of a batch goes."""
    columns = (
        CASE,
        *(Column(f"{phase}\n(us)", f"{phase}_seconds", microseconds) for phase in PHASES),
        Column("their sum\n(us)", "sum_seconds", microseconds, is_detail=True),
        Column("rest\n(us)", "rest_seconds", microseconds),
        Column("total\n(us)", "total_seconds", microseconds),
        Column("rest of\ntotal", "rest_share", percent, is_detail=True),
        Column("timer tax", "timer_tax_share", percent, is_detail=True),
        Column("inference\n(us)", "inference_seconds", microseconds, has_spread=True),
    )
    return Table(
        "Phases of a batch",
        columns,
        tuple(_phase_row(result) for result in results),
        (
            "Total: the training's own blocks, without inner timers. Phases: that total, shared out as blocks with a "
            "synchronised clock between the phases say.",
            "Data: fetching a batch, its move to the device included. Rest: in no phase; the loop itself, reading the "
            "loss. Timer tax: what the inner clock adds to a block.",
            f"Inference: eval mode, no gradients. {BRACKETS}",
        ),
    )


def make_data_table(results: Sequence[CaseResult]) -> Table:
    """What fetching a batch is made of."""
    columns = (
        CASE,
        *(Column(f"{part}\n(us)", f"{part}_seconds", microseconds) for part in DATA_PARTS),
        Column("together\n(us)", "together_seconds", microseconds),
    )
    rows = tuple(
        (
            result.case.name,
            *(result.data_parts.get(part) for part in DATA_PARTS),
            sum(result.data_parts.values()) if result.data_parts else None,
        )
        for result in results
    )
    return Table(
        "Fetching a batch",
        columns,
        rows,
        (
            "Sampler: the order, as numbers. Fetch: gathering and collating. Loader: the DataLoader around it. "
            "Move: to the device.",
            "Each by running longer and longer parts of an epoch alone and taking differences, which noise can make "
            "negative.",
        ),
    )


def make_queue_table(results: Sequence[CaseResult]) -> Table:
    """Host, queue and device apart, of cases on a device with a queue of its own."""
    kinds = ("host_issue", "stream", "device")
    columns = (
        CASE,
        *(
            Column(f"{phase}\n{kind.replace('_', ' ')} (us)", f"{phase}_{kind}_seconds", microseconds)
            for phase in PHASES
            for kind in kinds
        ),
        Column("device\nidle", "idle_share", percent),
    )
    rows = tuple(
        (
            result.case.name,
            *(getattr(split, kind)[phase] if split else None for phase in PHASES for kind in kinds),
            split.idle_share if split else None,
        )
        for result in results
        for split in [result.queue_split]
    )
    return Table(
        "Host and device",
        columns,
        rows,
        (
            "Host issue: handing the work over. Stream: the device's time as the training runs. Device: with its queue "
            "kept full, so without waits for the host. Idle: the share in which it waits.",
        ),
    )


def _phase_row(result: CaseResult) -> tuple[Value, ...]:
    split = result.phase_split
    if split is None:
        return (result.case.name, *(None for _ in PHASES), *(None,) * 5, result.inference_seconds)
    return (
        result.case.name,
        *("not resolved" if phase in split.unresolved else split.phases[phase] for phase in PHASES),
        sum(split.phases.values()),
        split.rest,
        split.total,
        split.rest / split.total,
        split.timer_tax,
        result.inference_seconds,
    )
