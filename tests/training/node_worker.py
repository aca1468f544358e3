"""A pod's worker whose trainer is a process that waits: what ends a pod is as in the real one.

The job's name of a pipeline says what it does meanwhile. The lease is a short one.
"""

import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

from osft_assets.core.errors import ConfigError, OsftError, TrainingError
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from osft_assets.core.training_node import Node
from resources import training_node, training_watch

LEASE_SECONDS = 3.0
# As torchrun's workers are: in a session of its own, and deaf to whoever asks kindly.
_TRAINER = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path(sys.argv[1]).write_text("up")
time.sleep(300)
"""


def main() -> int:
    job = TrainingJob.model_validate_json(Path(sys.argv[1]).read_bytes())
    training_watch.Watch.start.__defaults__ = (LEASE_SECONDS,)
    training_node._LONGEST_WAIT_FOR_THE_CAUSE_SECONDS = 2.0
    return training_node.train_as_a_node(
        job, _train, lambda problem: TrainingError(f"unforeseen: {problem}")
    )


def _train(own: TrainingJob, node: Node) -> TrainingOutcome | None:
    rows = Path(own.rows_directory)
    rows.mkdir()
    if own.pipeline == "fails" and not node.is_first:
        raise ConfigError("target_patterns matches no matrix")
    if own.pipeline == "loses its peers":
        raise _lost()
    if own.pipeline == "tokenises":
        _fork_and_terminate()
    up = Path(own.directory) / "up"
    command = [sys.executable, "-S", "-c", _TRAINER, str(up)]
    code = subprocess.Popen(command, start_new_session=True).wait()
    raise TrainingError(f"the trainer exited with code {code}")


def _fork_and_terminate() -> None:
    """As a pool does with processes that it needs no more, of which some have only just begun."""
    for number in range(200):
        fork = get_context("fork").Process(target=time.sleep, args=(300,))
        fork.start()
        time.sleep(number * 1e-5)
        fork.terminate()
        fork.join()


def _lost() -> OsftError:
    return TrainingError("The trainer failed: RuntimeError: Connection closed by peer [::1]:4711")


if __name__ == "__main__":
    sys.exit(main())
