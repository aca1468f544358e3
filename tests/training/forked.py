"""What a forked trainer runs in a test: it ends with a code, or waits for ever."""

import sys
import time


def main() -> None:
    sys.stdout.write(f"out: {' '.join(sys.argv[1:])}\n")
    sys.stdout.flush()
    sys.stderr.write("err\n")
    if sys.argv[1] == "wait":
        time.sleep(600)
    sys.exit(int(sys.argv[2]))
