"""Pure functions from records to text."""
