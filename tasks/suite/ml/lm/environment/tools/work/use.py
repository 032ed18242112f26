"""Has the model count the symbols at the given lags together: use.py LAG..."""

import re
import sys
from pathlib import Path

MODEL = Path("/work/submission/lm.py")

lags = [int(word) for word in sys.argv[1:]]
MODEL.write_text(re.sub(r"^LAGS = .*$", f"LAGS = {lags}", MODEL.read_text(), flags=re.MULTILINE))
print("counting at", *lags)
