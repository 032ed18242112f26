"""Public tasks in Harbor's directory format, run here as they are: see docs/harbor.md."""
