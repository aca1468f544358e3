"""How a stage and its child process speak: files in one directory, and exit codes.

The child reads JOB_FILE, writes OUTCOME_FILE last of all, and says in PROBLEM_FILE why there is
none. What is in a job is `core.training_job` and `core.evaluation_job`.
"""

from osft_assets.core.records import Record

JOB_FILE = "job.json"
OUTCOME_FILE = "outcome.json"
PROBLEM_FILE = "problem.json"
# A training over several pods: whoever follows it touches this file every LEASE_EVERY_SECONDS, and
# the workers end themselves when nobody has for LEASE_SECONDS. A restart of the step takes less.
LEASE_FILE = "lease"
LEASE_EVERY_SECONDS, LEASE_SECONDS = 10.0, 600.0
# Mounted secrets: directories, separated by ":", with a file for each variable and its value.
SECRETS_VARIABLE = "OSFT_SECRET_DIRECTORIES"
# The worker's own exits: it said in PROBLEM_FILE what is wrong, and with what.
CONFIG_EXIT, FAILURE_EXIT = 3, 4


def problem_file(node: int) -> str:
    """Where the worker of each of several pods says why it gave up; the first one's is as ever."""
    return PROBLEM_FILE if node == 0 else f"problem-{node}.json"


class WorkerProblem(Record):
    """Why the worker gave up, in a sentence, and whether the same may work in a while.

    `is_aftermath`: it only saw the others go, and one that did not say why knows better.
    """

    message: str
    is_transient: bool = False
    is_aftermath: bool = False
