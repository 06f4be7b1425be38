"""What a test needs beyond the project itself is installed by the extra that the checks are run with."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_without_which_a_test_is_skipped_is_in_the_extra_of_the_tests() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    declared = {
        re.split(r"[^\w-]", each)[0] for name in ("test", "fused", "report", "history") for each in extras[name]
    }
    # Peers are too large for every check: their own extra has them.
    paths = (path for path in sorted((ROOT / "tests").rglob("*.py")) if "peers" not in path.parts)
    texts = (path.read_text(encoding="utf-8") for path in paths)
    wanted = {name for text in texts for name in re.findall(r"importorskip\(\s*\"(\w+)", text)}
    assert wanted
    known = packages_distributions()
    assert {name for name in wanted if not declared & {name, *known.get(name, ())}} == set()
