"""A recipe as a TOML file: flat, one line a setting, with the names of `TrainConfig`."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict
from pathlib import Path

from productnet.config import TrainConfig
from productnet.errors import ConfigError

_HEADER = "# A training's recipe; the same again: python -m productnet train --config FILE\n"


def format_recipe(config: TrainConfig) -> str:
    """Write all settings of a recipe as TOML."""
    return _HEADER + "".join(f"{name} = {_format(value)}\n" for name, value in asdict(config).items())


def read_recipe(path: Path) -> dict[str, object]:
    """Read what a file sets; whether those are settings, `make_config` says once flags have had their word.

    Raises:
        ConfigError: when the file can't be read or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("--config", f"{path} can't be read: {error.strerror}; name a recipe in TOML") from error
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, or no name that a file can have
        raise ConfigError("--config", f"{path} is no TOML: {error}") from error


def _format(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_format(item) for item in value)}]"
    if isinstance(value, float):
        return float.__repr__(value)  # of subclasses too, whose own may be no number
    return json.dumps(value)  # strings, whole numbers and truth values of JSON are those of TOML
