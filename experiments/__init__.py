"""Config, plan, ledger, runners, statistics, trend, gate, report and the command line."""
