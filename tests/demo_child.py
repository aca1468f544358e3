"""What the demo's lanes start in a test: ends well, badly, or not by itself, as its name says."""

import sys
import time
from pathlib import Path

from osft_assets.demo.outcome import Outcome


def main(pipeline: str, rate: str, path: str) -> None:
    sys.stderr.write("step 1 of 2\n")
    sys.stderr.flush()
    if pipeline == "waits":
        Path(path).with_suffix(".started").touch()
        time.sleep(600)
    if pipeline == "breaks":
        sys.exit("no space left")
    outcome = Outcome(pipeline=pipeline, rate=float(rate), ended="refused", why="it forgot")
    Path(path).write_text(outcome.model_dump_json())


if __name__ == "__main__":
    main(*sys.argv[1:])
