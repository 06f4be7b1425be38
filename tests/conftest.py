"""For all tests: asserts that show both sides, and one profile for properties, without a deadline on shared machines."""

from __future__ import annotations

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.bench.golden")

settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")
