"""Config, plan, ledger, runners, statistics, trend, gate, report and the command line."""

import os

# Before NumPy is loaded: worlds are drawn and graded on small arrays, several at a time, where a second thread of BLAS
# takes as much processor time again and saves none.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
