"""How a stage and its child process speak: files in one directory, and exit codes.

The child reads JOB_FILE, writes OUTCOME_FILE last of all, and says in PROBLEM_FILE why there is
none. What is in a job is `core.training_job` and `core.evaluation_job`.
"""

from osft_assets.core.records import Record

JOB_FILE = "job.json"
OUTCOME_FILE = "outcome.json"
PROBLEM_FILE = "problem.json"
# The worker's own exits: it said in PROBLEM_FILE what is wrong, and with what.
CONFIG_EXIT, FAILURE_EXIT = 3, 4


class WorkerProblem(Record):
    """Why the worker gave up, in a sentence, and whether the same may work in a while."""

    message: str
    is_transient: bool = False
