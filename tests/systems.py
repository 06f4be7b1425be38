"""What a test needs of the system that it runs on, each with its one name."""

from __future__ import annotations

import os
import sys

import pytest

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: its files or its fork server")
posix_only = pytest.mark.skipif(os.name == "nt", reason="needs signals, process groups or a shell that Windows lacks")
