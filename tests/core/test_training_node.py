from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.errors import ConfigError, OsftError, TrainingError
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.training_node import (
    ALONE,
    Node,
    common_directory,
    is_aftermath,
    node_of,
    own_job,
    refuse_other_versions,
)
from tests.core.training_parts import inputs

_TRAINER = {
    **{"PET_NNODES": "3", "PET_NODE_RANK": "2", "PET_NPROC_PER_NODE": "8"},
    **{"PET_MASTER_ADDR": "osft-mine-node-0-0.osft-mine", "PET_MASTER_PORT": "29400"},
}


def _job(**values: Any) -> TrainingJob:
    told = {"is_spread": True, "workers": 3, **values}
    return inputs().job("osft", Path("/claim/run")).model_copy(update=told)


def test_a_pod_is_told_by_kubeflow_trainer_which_one_it_is() -> None:
    node = node_of(_job(), _TRAINER)

    assert node == Node(2, 3, "osft-mine-node-0-0.osft-mine", 29400)
    assert not node.is_first
    assert node_of(_job(), _TRAINER | {"PET_NODE_RANK": "0"}).is_first


def test_what_another_training_left_in_the_environment_matters_to_no_other_job() -> None:
    assert node_of(_job(is_spread=False), _TRAINER) == ALONE


def test_the_only_pod_of_a_training_needs_no_other() -> None:
    alone = {"PET_NNODES": "1", "PET_NODE_RANK": "0"}

    assert node_of(_job(workers=1), alone) == ALONE


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PET_NNODES": "2"}, "PET_NNODES is 2, but pod.workers is 3.* Take numNodes out of it"),
        ({"PET_NNODES": ""}, "PET_NNODES is not set in a pod.*Give the training runtime mlPolicy"),
        ({"PET_NODE_RANK": "-1"}, "PET_NODE_RANK is '-1' in a pod of the training"),
        ({"PET_NODE_RANK": "3"}, r"PET_NODE_RANK is 3, expected less than PET_NNODES \(3\)"),
        ({"PET_MASTER_ADDR": ""}, "PET_MASTER_ADDR is not set"),
        ({"PET_MASTER_PORT": "auto"}, "PET_MASTER_PORT is 'auto'"),
    ],
)
def test_pods_that_are_not_as_the_job_says_are_refused(
    variables: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        node_of(_job(), _TRAINER | variables)


def test_the_first_pod_writes_where_the_job_says_and_the_others_below_it() -> None:
    job = _job()
    first, second = own_job(job, Node(0, 3)), own_job(job, Node(2, 3))

    assert first == job
    assert (second.directory, second.rows_directory) == ("/claim/run/node-2", "/claim/run/rows-2")
    assert common_directory(first) == common_directory(second) == Path("/claim/run")
    assert second.train_path == job.train_path


def test_an_image_with_the_trainers_of_the_fingerprint_is_taken_and_another_is_not() -> None:
    job = _job(versions={"torch": "2.13.0", "training-hub": "0.11.2"})

    refuse_other_versions(job, {"torch": "2.13.0", "training-hub": "0.11.2", "more": "1"})
    with pytest.raises(ConfigError, match=r"torch 2\.9\.1 instead of 2\.13\.0, training-hub not"):
        refuse_other_versions(job, {"torch": "2.9.1"})


@pytest.mark.parametrize(
    ("problem", "is_another_pods"),
    [
        (TrainingError("The trainer failed: RuntimeError: Connection closed by peer"), True),
        (TrainingError("The GPUs lost touch with each other (NCCL). Look at the log"), True),
        (TrainingError("The trainer failed: DistNetworkError: The client socket"), True),
        (TrainingError("The GPU's memory ran out. Lower max_tokens_per_gpu"), False),
        (TrainingError("A training process was killed (signal 9) or got no memory"), False),
        (ConfigError("NCCL_DEBUG is not one of ours"), False),
    ],
)
def test_what_only_follows_from_another_pods_end_is_known(
    problem: OsftError, is_another_pods: bool
) -> None:
    assert is_aftermath(problem) == is_another_pods
