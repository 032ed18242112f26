"""MLflow: the window on a run, rebuilt from its directory."""
