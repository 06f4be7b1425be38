"""Long measurements of the tool itself, resumable: data in `docs/data/`, and what they say in `docs/method.md`."""
