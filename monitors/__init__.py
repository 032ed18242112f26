"""Monitors: pure folds from events to findings."""
