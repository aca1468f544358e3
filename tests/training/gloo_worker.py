"""The worker on a machine that claims to have two CUDA devices; see `gloo_entry`."""

import sys

from osft_assets.core.training_placement import Machine
from resources import training_backends, training_machine, training_worker


def main() -> int:
    launcher, _ = training_backends._LAUNCHERS["osft"]
    training_backends._LAUNCHERS["osft"] = (launcher, "tests.training.gloo_entry")
    training_machine.find_machine = lambda _: Machine(2, False, False)
    return training_worker.main(sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
