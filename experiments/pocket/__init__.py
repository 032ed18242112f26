"""Trains pocket, the embedded ladder of checkpoints. Needs the extra ``train`` (PyTorch)."""
