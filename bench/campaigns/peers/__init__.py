"""The gates that other tools offer, on the same work as our races: how often each errs."""
