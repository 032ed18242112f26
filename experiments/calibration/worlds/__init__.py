"""Small worlds of the corpus's own, in the form of tasks."""
