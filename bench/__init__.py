"""Measures trainings on this machine, and says what the numbers allow one to say."""
