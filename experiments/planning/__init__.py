"""From a config and a policy, written by people, to the episodes that are to run."""
