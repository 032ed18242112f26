"""Starts the runner. A file of its own, so that all others come out of the bytecode cache."""

import sys

from main import main

sys.exit(main())
