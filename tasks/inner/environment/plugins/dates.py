"""Tells the day of the week."""

import datetime

CAPABILITIES = ()


def run(argument):
    """The weekday of a date such as 2026-11-22."""
    return datetime.date.fromisoformat(argument).strftime("%A")
