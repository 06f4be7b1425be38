"""The commands of `python -m productnet`: each has a parser and a `run`, and imports torch only when it runs."""
