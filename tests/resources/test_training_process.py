"""Training in a child process: what it says arrives, and nothing of it stays behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from osft_assets.core.errors import ConfigError, OsftError, TrainingError
from osft_assets.core.ports import TrainingWatch
from osft_assets.core.training_job import TrainingJob, TrainingOutcome
from osft_assets.core.training_steps import METRIC_FILES, Step
from osft_assets.core.worker import (
    CONFIG_EXIT,
    FAILURE_EXIT,
    JOB_FILE,
    OUTCOME_FILE,
    PROBLEM_FILE,
)
from resources.process_tree import MARKER_VARIABLE
from resources.training_process import TrainingProcess
from tests.core.training_parts import BASE, osft_line, outcome, sft_line

_ROOT = Path(__file__).parents[2]
_WORKER = "tests.resources.scripted_worker"
_PARENT = f"""
import sys
from pathlib import Path
from osft_assets.core.ports import TrainingWatch
from osft_assets.core.training_job import TrainingJob
from resources.training_process import TrainingProcess

job = TrainingJob.model_validate_json(Path(sys.argv[1]).read_bytes())
watch = TrainingWatch(lambda line: print(line, flush=True), lambda step: None)
TrainingProcess("{_WORKER}").train(job, watch)
"""
# A cancelled run has five seconds, for whatever there is.
_LONGEST_END_SECONDS = 5.0
Action = tuple[Any, ...]

END: Action = ("write", OUTCOME_FILE, outcome().model_dump_json())
TELL_MARKER: Action = ("tell", MARKER_VARIABLE)
UP: Action = ("say", "up")


def job(directory: Path, *script: Action, **values: Any) -> TrainingJob:
    """A job that tells the scripted worker what to do. `minutes`: its time-outs."""
    limits = {"stall_timeout_minutes": 0.0, "timeout_minutes": 0.0} | values.pop("limits", {})
    told: dict[str, Any] = {
        "algorithm": "osft",
        "directory": str(directory),
        "rows_directory": str(directory / "rows"),
        "model": BASE,
        "train_path": "/rows/train.jsonl",
        "train_rows": 8,
        "holdout_path": "/rows/eval.jsonl",
        "holdout_rows": 0,
        "kind": "messages",
        "recipe": {"num_epochs": 1, **limits, "script": [list(action) for action in script]},
    }
    told |= values
    told["env_vars"] = {"PYTHONPATH": str(_ROOT), **told.get("env_vars", {})}
    return TrainingJob(**told)


@dataclass
class Followed:
    """What was seen of a training, and when it ended."""

    lines: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    outcome: TrainingOutcome | None = None
    on_line: Callable[[str], None] = lambda _: None
    on_step: Callable[[Step], None] = lambda _: None
    last_call: float = 0.0

    def say(self, line: str) -> None:
        self.lines.append(line)
        self.last_call = time.monotonic()
        self.on_line(line)

    def step(self, step: Step) -> None:
        self.steps.append(step)
        self.last_call = time.monotonic()
        self.on_step(step)

    def train(self, job: TrainingJob) -> "Followed":
        self.outcome = TrainingProcess(_WORKER).train(job, TrainingWatch(self.say, self.step))
        return self

    def told(self, name: str) -> str:
        """An environment variable of the worker."""
        [value] = [line.partition("=")[2] for line in self.lines if line.startswith(f"{name}=")]
        return value


def train(job: TrainingJob) -> Followed:
    return Followed().train(job)


def marked(marker: str) -> list[str]:
    """Every live process that carries the mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER_VARIABLE) == marker:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


# What arrives


def test_the_outcome_is_what_the_worker_wrote(tmp_path: Path) -> None:
    assert train(job(tmp_path, END)).outcome == outcome()


def test_the_worker_finds_its_job(tmp_path: Path) -> None:
    given = job(tmp_path, END)

    train(given)

    assert TrainingJob.model_validate_json((tmp_path / JOB_FILE).read_bytes()) == given


def test_lines_arrive_while_the_training_runs(tmp_path: Path) -> None:
    """The worker waits for what is done when its first line arrives."""
    followed = Followed(on_line=lambda line: (tmp_path / line).touch())

    followed.train(job(tmp_path, ("say", "one"), ("await", "one"), ("say", "two"), END))

    assert followed.lines == ["one", "two"]


@pytest.mark.parametrize(("algorithm", "line"), [("osft", osft_line), ("sft", sft_line)])
def test_steps_arrive_while_the_training_runs(tmp_path: Path, algorithm: Any, line: Any) -> None:
    metrics = METRIC_FILES[algorithm]
    followed = Followed(on_step=lambda step: (tmp_path / f"step {step.step}").touch())
    script = [("write", metrics, f"{line(1, loss=2.0, avg_loss=2.0)}\n"), ("await", "step 1")]

    followed.train(
        job(tmp_path, *script, ("write", metrics, f"{line(2)}\n"), END, algorithm=algorithm)
    )

    assert [step.step for step in followed.steps] == [1, 2]
    assert followed.steps[0].loss == 2.0


def test_half_a_metric_line_waits_for_its_end(tmp_path: Path) -> None:
    metrics, line = METRIC_FILES["osft"], osft_line(1)
    script = [
        *[("write", metrics, line[:40]), ("say", "half"), ("await", "half")],
        *[("say", "looked"), ("await", "looked"), ("write", metrics, f"{line[40:]}\n")],
    ]
    seen: list[int] = []
    followed = Followed()

    def note(line: str) -> None:
        seen.append(len(followed.steps))
        (tmp_path / line).touch()

    followed.on_line = note
    followed.train(job(tmp_path, *script, END))

    assert seen == [0, 0]
    assert [step.step for step in followed.steps] == [1]


def test_half_a_metric_line_of_a_killed_training_is_no_step(tmp_path: Path) -> None:
    metrics = METRIC_FILES["osft"]
    half = f"{osft_line(1)}\n{osft_line(2)[:40]}"
    followed = Followed()

    with pytest.raises(TrainingError, match="signal 9"):
        followed.train(job(tmp_path, ("write", metrics, half), ("die", signal.SIGKILL)))

    assert [step.step for step in followed.steps] == [1]


def test_what_came_last_is_not_lost(tmp_path: Path) -> None:
    lines = "".join(f"{osft_line(number)}\n" for number in range(1, 3_001))
    script = [("write", METRIC_FILES["osft"], lines), ("say", "a\nb\nKilled", "")]

    followed = train(job(tmp_path, *script, END))

    assert followed.lines == ["a", "b", "Killed"]
    assert len(followed.steps) == 3_000


def test_a_worker_that_says_a_lot_is_not_held_up(tmp_path: Path) -> None:
    followed = train(job(tmp_path, ("flood", 50_000), END))

    assert len(followed.lines) == 50_000


def test_a_worker_that_closed_its_output_is_still_followed(tmp_path: Path) -> None:
    metrics = METRIC_FILES["osft"]
    followed = Followed(on_step=lambda step: (tmp_path / f"step {step.step}").touch())
    script = [("silence",), ("write", metrics, f"{osft_line(1)}\n"), ("await", "step 1")]

    assert followed.train(job(tmp_path, *script, END)).outcome == outcome()


def test_the_environment_reaches_the_worker_and_gpu_0_hides_every_device(tmp_path: Path) -> None:
    asked = {"NCCL_DEBUG": "INFO", "CUDA_VISIBLE_DEVICES": "3"}
    names = ("NCCL_DEBUG", "CUDA_VISIBLE_DEVICES")

    followed = train(job(tmp_path, *(("tell", name) for name in names), END, env_vars=asked, gpu=0))

    assert followed.told("NCCL_DEBUG") == "INFO"
    assert followed.told("CUDA_VISIBLE_DEVICES") == ""


@pytest.mark.parametrize(
    ("values", "expected_error"),
    [
        ({"workers": 2, "asked": ("workers",)}, "pod.workers is 2, but training here is one pod"),
        ({"asked": ("cpu",)}, "pod.cpu has no effect without Kubernetes"),
        ({"env_vars": {MARKER_VARIABLE: "mine"}}, f"pod.env_vars sets {MARKER_VARIABLE}, which"),
    ],
)
def test_what_needs_a_cluster_is_refused_before_anything_is_started(
    tmp_path: Path, values: dict[str, Any], expected_error: str
) -> None:
    with pytest.raises(ConfigError, match=expected_error):
        train(job(tmp_path, END, **values))

    assert list(tmp_path.iterdir()) == []


def test_with_gpus_the_devices_are_those_that_were_asked_for(tmp_path: Path) -> None:
    asked = {"CUDA_VISIBLE_DEVICES": "3"}

    followed = train(job(tmp_path, ("tell", "CUDA_VISIBLE_DEVICES"), END, env_vars=asked))

    assert followed.told("CUDA_VISIBLE_DEVICES") == "3"


# What it costs this process


def test_this_process_stays_as_it_was(tmp_path: Path) -> None:
    before = dict(os.environ), set(os.listdir("/proc/self/fd")), psutil.Process().children()  # noqa: PTH208
    metrics = (METRIC_FILES["osft"], f"{osft_line(1)}\n")

    train(job(tmp_path, ("write", *metrics), END, env_vars={"NEW": "1"}, gpu=0))

    after = dict(os.environ), set(os.listdir("/proc/self/fd")), psutil.Process().children()  # noqa: PTH208
    assert after == before


# Failures


def failure(job: TrainingJob) -> OsftError:
    with pytest.raises(OsftError) as problem:
        train(job)
    return problem.value


@pytest.mark.parametrize(
    ("code", "kind"), [(CONFIG_EXIT, ConfigError), (FAILURE_EXIT, TrainingError)]
)
def test_a_problem_is_told_as_the_worker_put_it(
    tmp_path: Path, code: int, kind: type[Exception]
) -> None:
    problem = ("write", PROBLEM_FILE, '{"message": "lower it"}')

    found = failure(job(tmp_path, problem, ("exit", code)))

    assert (type(found), str(found)) == (kind, "lower it")


@pytest.mark.parametrize("outcome_is_there", [True, False])
def test_an_end_without_a_word_is_told_with_its_code(
    tmp_path: Path, outcome_is_there: bool
) -> None:
    script: list[Action] = [END] if outcome_is_there else []

    found = failure(job(tmp_path, *script, ("exit", 7)))

    assert str(found) == "The training process ended with code 7 and did not say why"


def test_an_end_without_an_outcome_is_no_success(tmp_path: Path) -> None:
    assert "with code 0 and did not say why" in str(failure(job(tmp_path)))


def test_killed_is_told_as_what_it_mostly_is(tmp_path: Path) -> None:
    found = failure(job(tmp_path, ("die", signal.SIGKILL)))

    assert "signal 9" in str(found)
    assert "memory" in str(found)
    assert "max_tokens_per_gpu" in str(found)


def test_ended_by_another_signal_is_told_with_its_number(tmp_path: Path) -> None:
    assert "ended by signal 11 " in str(failure(job(tmp_path, ("die", signal.SIGSEGV))))


# Time-outs


def stopped_by(limit: str, tmp_path: Path, *script: Action) -> tuple[str, Followed]:
    """What is said of a training that is stopped after three seconds."""
    followed, start = Followed(), time.monotonic()
    with pytest.raises(TrainingError) as problem:
        followed.train(
            job(tmp_path, TELL_MARKER, ("child", "plain"), *script, limits={limit: 0.05})
        )
    assert time.monotonic() - start < 3 + _LONGEST_END_SECONDS
    assert (tmp_path / "plain.up").exists()
    assert marked(followed.told(MARKER_VARIABLE)) == []
    return str(problem.value), followed


def test_a_training_that_says_nothing_is_stopped(tmp_path: Path) -> None:
    told, _ = stopped_by("stall_timeout_minutes", tmp_path, ("sleep", 60))

    assert told == (
        "Training said nothing for 3 s and was stopped. Look at its log, or raise "
        "stall_timeout_minutes (0.05)"
    )


def test_a_training_that_takes_too_long_is_stopped_whatever_it_says(tmp_path: Path) -> None:
    told, followed = stopped_by("timeout_minutes", tmp_path, ("chatter", 60))

    assert told.startswith("Training has been running for 3 s and was stopped.")
    assert "still here" in followed.lines


def test_a_training_that_says_something_now_and_then_goes_on(tmp_path: Path) -> None:
    limits = {"stall_timeout_minutes": 0.025}

    followed = train(job(tmp_path, ("chatter", 2.5), END, limits=limits))

    assert followed.outcome


# Stopped from here


@pytest.mark.parametrize("problem", [TrainingError("it diverges"), KeyboardInterrupt(), SystemExit])
def test_what_the_watcher_raises_stops_the_training(tmp_path: Path, problem: Any) -> None:
    def stop(_: Step) -> None:
        raise problem

    followed = Followed(on_step=stop)
    metrics = ("write", METRIC_FILES["osft"], f"{osft_line(1)}\n")

    with pytest.raises(problem if isinstance(problem, type) else type(problem)):
        followed.train(job(tmp_path, TELL_MARKER, ("child", "plain"), metrics, ("sleep", 60)))

    assert time.monotonic() - followed.last_call < _LONGEST_END_SECONDS
    assert marked(followed.told(MARKER_VARIABLE)) == []


def test_an_interrupt_ends_also_what_will_not_end(tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        if line == "up":
            raise KeyboardInterrupt

    followed = Followed(on_line=interrupt)
    with pytest.raises(KeyboardInterrupt):
        followed.train(job(tmp_path, TELL_MARKER, ("child", "stubborn"), UP, ("sleep", 60)))

    assert time.monotonic() - followed.last_call < _LONGEST_END_SECONDS
    assert marked(followed.told(MARKER_VARIABLE)) == []


def test_a_child_that_outlives_the_worker_is_ended_and_not_waited_for(tmp_path: Path) -> None:
    """It holds the worker's output open."""
    followed = train(job(tmp_path, TELL_MARKER, ("child", "inheriting"), END))

    assert time.monotonic() - followed.last_call < _LONGEST_END_SECONDS
    assert marked(followed.told(MARKER_VARIABLE)) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_when_this_process_is_ended_nothing_stays_behind(tmp_path: Path, number: int) -> None:
    given = job(tmp_path, ("watch",), TELL_MARKER, ("child", "stubborn"), UP, ("sleep", 60))
    (tmp_path / "given.json").write_text(given.model_dump_json())
    command = [sys.executable, "-c", _PARENT, str(tmp_path / "given.json")]
    with subprocess.Popen(
        command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        marker = parent.stdout.readline().strip().partition("=")[2]
        assert parent.stdout.readline() == "up\n"
        assert len(marked(marker)) == 2  # the worker and its child

        parent.send_signal(number)
        start = time.monotonic()

        assert parent.wait(_LONGEST_END_SECONDS) == -number
    while left := marked(marker):
        assert time.monotonic() - start < _LONGEST_END_SECONDS, left
        time.sleep(0.05)


def test_when_the_run_above_its_step_is_killed_nothing_goes_on(tmp_path: Path) -> None:
    """Under Dagster's multiprocess executor: the step's process lives on, and is nobody's."""
    given = job(tmp_path, ("watch",), TELL_MARKER, UP, ("sleep", 60))
    (tmp_path / "given.json").write_text(given.model_dump_json())
    command = [
        sys.executable,
        "-m",
        "tests.resources.run_with_a_step",
        str(tmp_path / "given.json"),
    ]
    with subprocess.Popen(
        command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stdout is not None
        marker = run.stdout.readline().strip().partition("=")[2]
        assert run.stdout.readline() == "up\n"
        assert len(marked(marker)) == 1

        run.kill()
        start = time.monotonic()
        while left := marked(marker):
            assert time.monotonic() - start < _LONGEST_END_SECONDS, left
            time.sleep(0.05)


# Rows


@pytest.mark.parametrize("script", [[END], [("exit", 7)], [("die", signal.SIGKILL)]])
def test_the_tokenised_rows_are_removed_however_it_ends(
    tmp_path: Path, script: list[Action]
) -> None:
    rows = tmp_path / "elsewhere"
    write = ("write", str(rows / "data.jsonl"), "rows")
    given = job(tmp_path, write, ("say", "written"), *script, rows_directory=str(rows))
    followed = Followed()
    existed: list[bool] = []
    followed.on_line = lambda _: existed.append((rows / "data.jsonl").exists())

    if script == [END]:
        followed.train(given)
    else:
        with pytest.raises(TrainingError):
            followed.train(given)

    assert existed == [True]
    assert not rows.exists()


def test_the_tokenised_rows_are_removed_when_it_is_interrupted(tmp_path: Path) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    write = ("write", str(tmp_path / "rows/data.jsonl"), "rows")

    with pytest.raises(KeyboardInterrupt):
        Followed(on_line=interrupt).train(job(tmp_path, write, UP, ("sleep", 60)))

    assert not (tmp_path / "rows").exists()
