"""What the pods of a played TrainJob do: the program of each, as `python -c`, with its job's path.

They train nothing, for that takes GPUs. The first one takes the model that `facts` trained before,
and tells of it as the worker of `resources.training_worker` would: steps, lines, and its outcome
last of all. Standard library only: this text is all that comes into the pod.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

_STEPS = 20
_PAUSE_SECONDS = 0.5


def main() -> None:
    """One node, from its start to its end."""
    job = json.loads(Path(sys.argv[1]).read_text())
    directory = Path(job["directory"])
    rank, nodes = int(os.environ["PET_NODE_RANK"]), int(os.environ["PET_NNODES"])
    assert nodes == job["workers"], "the number of nodes is another one in the job"
    _say(f"node {rank} of {nodes} begins")
    if job["pod"]["labels"].get("team") == "fails":  # as a test asks for it
        problem = {"message": f"node {rank} has no memory left", "is_transient": False}
        (directory / f"problem{f'-{rank}' if rank else ''}.json").write_text(json.dumps(problem))
        sys.exit(4)
    if rank == 0:
        _first_node(job, directory)
    _say(f"node {rank} of {nodes} ends")


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _first_node(job: dict, directory: Path) -> None:
    trained = directory.parents[1] / job["pipeline"] / "checkpoints"
    before = max(trained.glob("*/checkpoint.json"), key=lambda path: path.stat().st_mtime)
    with (directory / "training_metrics_0.jsonl").open("w") as metrics:
        for number in range(1, _STEPS + 1):
            print(json.dumps(_step(number, job["recipe"]["num_epochs"])), file=metrics, flush=True)
            _say(f"played step {number}")
            time.sleep(_PAUSE_SECONDS)
    shutil.copytree(before.parent / "model", directory / "hf_format/samples_1")
    shutil.copy(before.parent / "steps.parquet", directory)
    told = json.loads(before.read_text())["outcome"]
    told |= {"model": "hf_format/samples_1", "epochs": [], "full_states": []}
    told |= {"world_size": job["workers"] * max(1, job["gpu"]), "versions": job["versions"]}
    told |= {"steps": _STEPS, "expected_steps": _STEPS}
    unfinished = directory / "outcome.json.unfinished"
    unfinished.write_text(json.dumps(told))
    unfinished.rename(directory / "outcome.json")


def _step(number: int, epochs: int) -> dict:
    return {
        "step": number,
        "steps_per_epoch": _STEPS // epochs,
        "epoch": (number - 1) * epochs // _STEPS,
        "loss": 4.0 / number,
        "num_loss_counted_tokens": 900,
        "lr": 1e-3,
        "grad_norm": 1.0,
        "num_samples": 16,
        "num_total_tokens": 1000,
        "tokens_per_second": 1000.0,
        "peak_memory_usage_GB": 0.5,
    }


if __name__ == "__main__":
    main()
