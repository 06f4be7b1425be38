"""Texts for people, and what runs their programs and draws their pictures."""
