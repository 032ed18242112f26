"""The report: its parts, its charts, and the way down to the evidence."""
