"""For all tests: asserts that show both sides; one profile for properties, with no deadline on a shared machine."""

from __future__ import annotations

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.bench.golden")

settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")
