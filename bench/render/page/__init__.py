"""The report as a page and as pictures; with the extra `report` alone."""
