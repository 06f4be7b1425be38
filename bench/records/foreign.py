"""Results that other tools have measured: read as strictly as our own, and kept apart from them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bench.errors import InvalidFileError
from bench.records.journal import PositiveSeconds, Text
from bench.records.reading import MAX_COMPLAINT, UNDECODABLE, read_regular

FOREIGN_SUFFIX = ".json"
MAX_FOREIGN_BYTES = 2**25

_Name = Annotated[str, Meta(min_length=1, max_length=2_000)]
_Samples = Annotated[tuple[PositiveSeconds, ...], Meta(min_length=1, max_length=1_000_000)]
_ExitCode = Annotated[int, Meta(ge=-(2**31), le=2**32 - 1)]
"""Of Windows, too, where one is of 32 bits."""
_MANY = Meta(min_length=1, max_length=10_000)


@dataclass(frozen=True, slots=True)
class ForeignRow:
    """What a tool calls a benchmark, or a command."""

    name: str
    seconds: tuple[float, ...]
    """As the tool timed them: one value a sample."""
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class ForeignRun:
    """One file of another tool. What it does not say is None."""

    path: Path
    content: str
    """A digest of the file: a copy of it is the file itself."""
    tool: str
    rows: tuple[ForeignRow, ...]
    version: str | None = None
    started_at: str | None = None
    host_name: str | None = None
    cpu_model: str | None = None
    operating_system: str | None = None
    python_version: str | None = None

    @property
    def measured_by(self) -> str:
        """Name the tool, with its version where the file has it."""
        return f"{self.tool} {self.version}" if self.version else self.tool


class _Cpu(Struct, frozen=True):
    brand_raw: Text | None = None


class _Machine(Struct, frozen=True):
    node: Text | None = None
    system: Text | None = None
    python_version: Text | None = None
    cpu: _Cpu = _Cpu()


class _Stats(Struct, frozen=True):
    data: _Samples | None = None


class _Benchmark(Struct, frozen=True):
    fullname: _Name
    stats: _Stats


class _PytestBenchmark(Struct, frozen=True):
    machine_info: _Machine
    benchmarks: Annotated[tuple[_Benchmark, ...], _MANY]
    version: Text | None = None
    datetime: Text | None = None
    exported_by: Text | None = None
    """Ours, and in no file of pytest-benchmark's own."""


class _Command(Struct, frozen=True):
    command: _Name
    times: _Samples
    exit_codes: tuple[_ExitCode | None, ...] = ()


class _Hyperfine(Struct, frozen=True):
    results: Annotated[tuple[_Command, ...], _MANY]


def read_foreign(path: Path) -> ForeignRun:
    """Read the file of another tool, whatever it is called.

    Raises:
        InvalidFileError: when it can't be read, is too large, is of no tool that is known, or holds what is no time;
            the message names file and field.
    """
    content = read_regular(path, MAX_FOREIGN_BYTES)
    try:
        keys = set(msgspec.json.decode(content, type=dict[str, msgspec.Raw]))
        read = next((read for known, read in _READERS.items() if set(known) <= keys), None)
        if read is None:
            wanted = ", nor ".join(" and ".join(known) for known in _READERS)
            raise InvalidFileError(f"it has neither {wanted}; of a run or a race, name the directory")
        return read(path, hashlib.sha256(content).hexdigest(), content)
    except (*UNDECODABLE, InvalidFileError) as error:
        complaint = str(error)[:MAX_COMPLAINT]
        raise InvalidFileError(f"{path} is no file that pytest-benchmark or hyperfine leaves: {complaint}") from error


def _read_pytest_benchmark(path: Path, digest: str, content: bytes) -> ForeignRun:
    found = msgspec.json.decode(content, type=_PytestBenchmark)
    if found.exported_by is not None:
        raise InvalidFileError(f"it was written by {found.exported_by}: name the directory of that run instead")
    rows = []
    for place, each in enumerate(found.benchmarks):
        if each.stats.data is None:
            raise InvalidFileError(
                f"$.benchmarks[{place}].stats has no data, the times themselves: save it with --benchmark-json, or "
                "with --benchmark-save-data"
            )
        rows.append(ForeignRow(each.fullname, each.stats.data))
    machine = found.machine_info
    return ForeignRun(
        path=path,
        content=digest,
        tool="pytest-benchmark",
        rows=tuple(rows),
        version=found.version,
        started_at=found.datetime,
        host_name=machine.node,
        cpu_model=machine.cpu.brand_raw,
        operating_system=machine.system,
        python_version=machine.python_version,
    )


def _read_hyperfine(path: Path, digest: str, content: bytes) -> ForeignRun:
    found = msgspec.json.decode(content, type=_Hyperfine)
    rows = tuple(ForeignRow(each.command, each.times, _describe_exits(each.exit_codes)) for each in found.results)
    return ForeignRun(path, digest, "hyperfine", rows)


def _describe_exits(exit_codes: tuple[int | None, ...]) -> str | None:
    failed = sum(code != 0 for code in exit_codes)
    return f"{failed} of {len(exit_codes)} failed" if failed else None


_READERS: Mapping[tuple[str, ...], Callable[[Path, str, bytes], ForeignRun]] = MappingProxyType(
    {("machine_info", "benchmarks"): _read_pytest_benchmark, ("results",): _read_hyperfine}
)
"""A tool is known by what its file holds, and not by the file's name."""
