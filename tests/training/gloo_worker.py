"""The worker on a machine that claims to have two CUDA devices; see the two entries of gloo."""

import sys

from osft_assets.core.training_placement import Machine
from resources import training_backends, training_machine, training_worker

_ENTRIES = {"osft": "tests.training.gloo_entry", "sft": "tests.training.gloo_sft_entry"}


def main() -> int:
    for algorithm, entry in _ENTRIES.items():
        launcher, _ = training_backends._LAUNCHERS[algorithm]
        training_backends._LAUNCHERS[algorithm] = (launcher, entry)
    training_machine.find_machine = lambda _: Machine(2, False, False)
    return training_worker.main(sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
