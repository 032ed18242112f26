"""Grades nothing: what counts here has happened."""

from experiments.calibration.worlds.bare.grade import grade

__all__ = ["grade"]
