"""Training Hub's backends, with our entry scripts in place of the libraries' own.

Where there is CUDA these are Training Hub's own classes and torchrun; on a CPU the two that are
registered here, which fork one process instead. Parameters, data processing, output files and
logs are Training Hub's own in both cases. The entry scripts are `resources.osft_entry` and
`resources.sft_entry`: there the options take effect that get lost on the way, and `flags` is how
those reach them that the scripts have and nobody passes on.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from osft_assets.core.training_failures import explained
from resources.forked_trainer import ForkedTrainer

_LAUNCHERS = {
    "osft": ("mini_trainer.api_train", "resources.osft_entry"),
    "sft": ("instructlab.training.main_ds", "resources.sft_entry"),
}
_ROWS_PER_PROCESS = 1000
_LONGEST_END_SECONDS = 60.0
# Several pods start when each has its image. How long that may take, whoever follows them knows;
# torchrun would give up after a quarter of an hour.
_LONGEST_WAIT_FOR_PODS_SECONDS = 7 * 24 * 3600


def register_cpu_backends() -> None:
    """Make `mini-trainer-cpu` and `instructlab-training-cpu` known to Training Hub."""
    import training_hub

    class MiniTrainerCpu(training_hub.MiniTrainerOSFTBackend):  # type: ignore[misc]
        """OSFT in one process on a CPU."""

        def execute_training(self, algorithm_params: dict[str, Any]) -> Any:
            _refuse_more_than_one_process(algorithm_params)
            return super().execute_training(algorithm_params)

        def _process_data(self, **arguments: Any) -> Any:
            return super()._process_data(
                **{**arguments, "num_cpu_procs": _processes_for(arguments["data_path"])}
            )

    class InstructLabCpu(training_hub.InstructLabTrainingSFTBackend):  # type: ignore[misc]
        """SFT in one process on a CPU."""

        def execute_training(self, algorithm_params: dict[str, Any]) -> Any:
            _refuse_more_than_one_process(algorithm_params)
            processes = _processes_for(algorithm_params["data_path"])
            return super().execute_training(
                {**algorithm_params, "data_process_num_cpu_procs": processes}
            )

    register = training_hub.AlgorithmRegistry.register_backend
    register("osft", "mini-trainer-cpu", MiniTrainerCpu)
    register("sft", "instructlab-training-cpu", InstructLabCpu)


@contextmanager
def our_entries(
    algorithm: str, flags: Sequence[str], on_cpu: bool, before_launch: Callable[[], object]
) -> Iterator[None]:
    """Within the block, what Training Hub launches is ours.

    `before_launch` runs when the rows are tokenised. An error from it keeps the trainer from being
    started; both libraries swallow it there (they return in a `finally`), so ask again afterwards.
    """
    launcher, entry = _LAUNCHERS[algorithm]
    module: Any = import_module(launcher)
    original = module.StreamablePopen

    class Launched(original):  # type: ignore[misc, valid-type]
        def __init__(self, log_path: str, command: list[str], **more: Any) -> None:
            before_launch()
            super().__init__(log_path, entry_command(command, entry, flags), **more)

        def listen(self) -> None:
            _listen(self, super().listen)

    class Forked(ForkedTrainer):
        def __init__(self, log_path: str, command: list[str], **_: Any) -> None:
            before_launch()
            super().__init__(log_path, entry, [*_arguments(command), *flags])

        def listen(self) -> None:
            _listen(self, super().listen)

    module.StreamablePopen = Forked if on_cpu else Launched
    try:
        yield
    finally:
        module.StreamablePopen = original


def _listen(process: Any, listen: Callable[[], None]) -> None:
    """Both libraries answer an interrupt by waiting a minute while training goes on, and replace it
    by another error: stop the child first.
    """
    try:
        listen()
        process.wait(_LONGEST_END_SECONDS)  # its output closes a moment before it has ended
    except BaseException:
        process.terminate()
        raise
    code = process.poll()
    if code is not None and code < 0:  # they would only say that training failed
        raise explained(f"the trainer exited with code {code}")


def entry_command(command: Sequence[str], entry: str, flags: Sequence[str]) -> list[str]:
    """torchrun <flags> .../script.py <trainer's flags>, with our script and more flags."""
    torchrun = list(command[: _script(command)])
    if "--rdzv-backend=static" in torchrun:
        torchrun.append(f"--rdzv-conf=timeout={_LONGEST_WAIT_FOR_PODS_SECONDS}")
    return [*torchrun, "--module", entry, *_arguments(command), *flags]


def _arguments(command: Sequence[str]) -> Sequence[str]:
    return command[_script(command) + 1 :]


def _script(command: Sequence[str]) -> int:
    return next(index for index, part in enumerate(command) if part.endswith(".py"))


def _refuse_more_than_one_process(parameters: dict[str, Any]) -> None:
    expected = {"nnodes": (None, 1), "node_rank": (None, 0), "nproc_per_node": (None, 1)}
    wrong = {name: parameters.get(name) for name in expected}
    wrong = {name: value for name, value in wrong.items() if value not in expected[name]}
    if wrong:
        raise ValueError(
            f"the CPU backends run one process on one node, and were asked for {wrong}"
        )


def _processes_for(path: str) -> int:
    """Each tokenising process costs seconds to start, which few rows are not worth."""
    with open(path, "rb") as stream:  # noqa: PTH123 - as the trainers open it
        rows = sum(1 for _ in stream)
    return max(1, min(os.cpu_count() or 1, 8, rows // _ROWS_PER_PROCESS))
