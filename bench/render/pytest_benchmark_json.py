"""A run for pytest-benchmark: the file that `--benchmark-json` writes, for `pytest-benchmark compare`.

A benchmark is a step of a case, a round one timed block of its trainings. The statistics are computed by
pytest-benchmark itself, so that they mean there what its own do; blocks of one process are no independent samples, and
nothing in them says so.
"""

from __future__ import annotations

import msgspec
from pytest_benchmark import __version__ as version
from pytest_benchmark.stats import Stats

from bench.errors import UsageError
from bench.judge.phases import per_step
from bench.records.collection import Collection
from bench.records.environment import Environment
from bench.render.document import Document, to_json
from bench.render.escape import for_series
from bench.render.series import Point, list_points

_UNKNOWN = "unknown"


def to_pytest_benchmark(collection: Collection, _width: int) -> str:
    """Write one run.

    Raises:
        UsageError: when there are several: machine, commit and date stand once in a file.
    """
    points = list_points(collection)
    stored = points[0].stored
    for point in points:
        if point.stored is not stored:
            raise UsageError(
                f"{stored.path} and {point.stored.path} are two runs, and a file of pytest-benchmark holds one: "
                "write a file for each"
            )
    info = stored.result.info
    return to_json(
        {
            "machine_info": _describe_machine(info.environment),
            "commit_info": _describe_commit(info.environment),
            "benchmarks": [_document(point) for point in points],
            "datetime": info.started_at,
            "version": version,
            "exported_by": "bench.report",
        }
    )


def _document(point: Point) -> Document:
    case = point.result.case
    stats = Stats()  # type: ignore[no-untyped-call]
    for block in point.blocks:
        stats.update(per_step(block))  # type: ignore[no-untyped-call]
    settings = msgspec.structs.asdict(case) | {"workload": case.workload and case.workload.place}
    params = {name: for_series(value) if isinstance(value, str) else value for name, value in settings.items()}
    return {
        "group": "step",
        "name": for_series(case.name),
        "fullname": point.name,
        "params": params,
        "param": None,
        "extra_info": {"quality": str(point.result.quality), "num_replicates": point.num_replicates},
        "options": {},
        "stats": {
            **stats.as_dict(),  # type: ignore[no-untyped-call]
            "data": stats.data,
            # Of the shortest: blocks are made of whole epochs, and differ by one.
            "iterations": min(block.num_steps for block in point.blocks),
        },
    }


def _describe_machine(environment: Environment | None) -> Document:
    if environment is None:
        return {}
    identity, recorded = environment.identity, environment.recorded
    return {
        "node": recorded.host_name,
        "processor": identity.cpu_model,
        "machine": identity.cpu_architecture,
        "python_implementation": identity.python_implementation,
        "python_implementation_version": identity.python_version,
        "python_version": identity.python_version,
        "release": recorded.os_release,
        "system": identity.operating_system,
        "cpu": {"brand_raw": identity.cpu_model, "count": recorded.num_logical_cpus},
        "accelerators": [each.model_name for each in identity.accelerators or ()],
        "torch_version": identity.torch_version,
    }


def _describe_commit(environment: Environment | None) -> Document:
    recorded = environment.recorded if environment else None
    return {
        "id": recorded.git_commit if recorded and recorded.git_commit else _UNKNOWN,
        "time": None,
        "author_time": None,
        "dirty": recorded.git_is_dirty if recorded else None,
        "project": "productnet",
        "branch": f"({_UNKNOWN})",
    }
