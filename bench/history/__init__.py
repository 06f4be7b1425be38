"""The index over many runs: a DuckDB file beside them that is made from them and can be thrown away at any time."""
