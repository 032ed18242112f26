"""What a command sets going: a run, a regression, an approval."""
