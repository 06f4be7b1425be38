"""One profile for all properties: no deadline, since a shared machine may pause for any time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")
