"""Workloads from outside the package, and what is done with them."""
