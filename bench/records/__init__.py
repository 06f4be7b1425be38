"""The nouns: case, plan, sample, measurement, run; the only files that touch the disk. No torch here."""
