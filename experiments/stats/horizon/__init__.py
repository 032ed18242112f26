"""The time horizon: the length of task, in a person's time, that an agent masters half of the time."""
