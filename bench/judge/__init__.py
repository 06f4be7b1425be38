"""Pure functions on records: what the numbers say."""
