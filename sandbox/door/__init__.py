"""The one way out of a box: the model API with its budgets, and the services behind it."""
