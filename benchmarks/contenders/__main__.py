"""`python -m benchmarks.contenders NAME [ROWS DIRECTORY]`: import a contender, run it when given
rows, and print its counts as JSON. Without rows it is the idle process that is subtracted."""

import importlib
import json
import sys
from pathlib import Path

if __name__ == "__main__":
    name, *paths = sys.argv[1:]
    contender = importlib.import_module(f"benchmarks.contenders.{name}")
    if paths:
        print(json.dumps(contender.run(*map(Path, paths))))
