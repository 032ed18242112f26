"""One attempt, and where attempts run: this process, or the hosts of a Ray cluster."""
