"""A workload of a user's own, as a file: found without running it, and imported where it is measured.

A workload is a class: docs/workload.md is what it has to have.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from bench.errors import UsageError, WorkloadError
from bench.records.case import MAX_PLACE, OwnWorkload
from bench.records.journal import as_text
from productnet.errors import first_line

DEFAULT_CLASS = "Workload"
_LONGEST_NAME = 50
_METHODS: Mapping[str, tuple[str, ...]] = {"run": ("num_steps",), "heldout_error": ()}
"""What methods are called with; the first has to be there."""
_PARTS: Mapping[str, tuple[str, ...]] = {"fetch": (), "forward": ("batch",), "backward": ("loss",), "optimize": ()}
"""What cuts a step at its phases: all of them where `fetch` is there."""


def find_workload(words: str, directory: Path | None = None) -> OwnWorkload:
    """Find what a user names, without importing it.

    Args:
        words: "file.py", "file.py:Class", "module:Class" or "module"; without a class it is the one called Workload.
        directory: where a file lies that is named without one; None is where the user stands.
    Raises:
        UsageError: when there is no such file or module.
    """
    if len(words) > MAX_PLACE // 2 or words != as_text(words):
        raise UsageError(
            f"workload {as_text(words[:40])}... is too long or no text: use up to {MAX_PLACE // 2} letters"
        )
    file, class_name = _split(words)
    if not class_name.isidentifier():
        raise UsageError(f"workload {words}: {class_name!r} is no name of a class: use FILE.py:CLASS or MODULE:CLASS")
    if file.endswith(".py"):
        place = Path(file) if directory is None else directory / file
        if not place.is_file():
            raise UsageError(
                f"workload {words}: there is no file {place}; a new one: python -m bench.run --new-workload {file}"
            )
        file = str(place)
    else:
        place = _find_module(words, file)
    stem = place.stem
    name = stem if class_name == DEFAULT_CLASS else f"{stem}.{class_name}"
    try:
        digest = _digest(place)
    except OSError as error:
        raise UsageError(f"workload {words}: {place} can't be read: {error.strerror}") from error
    return OwnWorkload(name=_shorten(name), place=f"{file}:{class_name}", digest=digest)


def _split(place: str) -> tuple[str, str]:
    """Cut the class off; a drive's colon on Windows is none of its."""
    file, colon, class_name = place.rpartition(":")
    return (file, class_name) if colon and not class_name.endswith(".py") else (place, DEFAULT_CLASS)


def _find_module(words: str, name: str) -> Path:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise UsageError(f"workload {words}: there is no module {name!r}: use FILE.py, FILE.py:CLASS or MODULE:CLASS")
    return Path(spec.origin)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _shorten(name: str) -> str:
    """Return a name that can stand in a case's and in a file's; one that is too long ends in a digest of all of it."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    if plain == name and len(plain) <= _LONGEST_NAME:
        return plain
    return f"{plain[: _LONGEST_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@cache
def import_class(workload: OwnWorkload) -> Any:
    """Import a workload's class and check what can be seen of it before it is made.

    Raises:
        WorkloadError: with the mistake.
    """
    file, class_name = _split(workload.place)
    try:
        module = _import_file(Path(file)) if file.endswith(".py") else importlib.import_module(file)
    except (Exception, SystemExit) as error:
        raise WorkloadError(f"workload {file} can't be imported: {describe(error, file)}", "crashed") from error
    source = Path(module.__file__ or file)
    if _digest(source) != workload.digest:
        raise WorkloadError(f"workload {file} is not what it was when this began: leave {source} alone until it ends")
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        here = [each for each, value in vars(module).items() if _is_workload(value, module)]
        hint = f"it has: {', '.join(here)}" if here else "a workload is a class with a method run(num_steps)"
        said = f"no class {class_name!r}" if found is None else f"{class_name!r}, which is no class"
        raise WorkloadError(f"workload {file} has {said}: {hint}")
    _check_signatures(workload.place, found, dict(workload.arguments))
    return found


def _import_file(path: Path) -> ModuleType:
    """Import a file by its path; its neighbours are found, and so is it by processes of its own."""
    path = path.absolute()
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    name = path.stem if path.stem not in sys.modules else f"own_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no file of Python")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _is_workload(value: object, module: ModuleType) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "run")


def has_phases(found: type) -> bool:
    """Whether a workload's class says how a step is cut at its phases."""
    return hasattr(found, "fetch")


def list_axes(found: type) -> dict[str, int]:
    """List what a sweep may vary of a class: its parameters with a whole number from 1 on as default, and that."""
    defaults = {name: each.default for name, each in inspect.signature(found).parameters.items()}
    return {name: value for name, value in defaults.items() if type(value) is int and value >= 1}


def _check_signatures(place: str, found: type, arguments: Mapping[str, int]) -> None:
    _check_call(place, found.__name__, ("device", "precision", "seed"), found, arguments)
    if not hasattr(found, "run"):
        raise WorkloadError(f"workload {place} has no method run(num_steps), which runs so many steps")
    missing = [name for name in _PARTS if not hasattr(found, name)] if has_phases(found) else []
    if missing:
        raise WorkloadError(f"workload {place} has fetch and lacks {', '.join(missing)}: phases need all four")
    for name, words in {**_METHODS, **(_PARTS if has_phases(found) else {})}.items():
        if hasattr(found, name):
            is_static = isinstance(inspect.getattr_static(found, name), staticmethod)
            _check_call(place, name, words if is_static else ("self", *words), getattr(found, name))


def _check_call(
    place: str, name: str, words: Sequence[str], function: Any, arguments: Mapping[str, int] = MappingProxyType({})
) -> None:
    try:
        inspect.signature(function).bind(*words, **arguments)
    except (TypeError, ValueError) as error:
        named = (f"{argument}={value}" for argument, value in arguments.items())
        shown = ", ".join([*(word for word in words if word != "self"), *named])
        raise WorkloadError(f"workload {place} can't be called as {name}({shown}): {first_line(error)}") from error


def describe(error: BaseException, file: str) -> str:
    """Say what was raised and, where it was raised through the user's file, in which line of it."""
    lines = [
        each.lineno for each in traceback.extract_tb(error.__traceback__) if Path(each.filename).name == Path(file).name
    ]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    said = error.msg if isinstance(error, SyntaxError) else first_line(error)
    return f"{type(error).__name__}: {said}" + (f" (line {line})" if line is not None else "")
