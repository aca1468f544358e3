"""What is another matter in a pod: settings that need one, GPUs that are missing, the registry."""

from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.errors import ConfigError, EvaluationError
from osft_assets.core.evaluation_job import EvaluationJob, EvaluationPod, evaluation_pod
from osft_assets.core.recipes.evaluation import EvaluationRecipe
from osft_assets.core.recipes.osft import OsftRecipe
from osft_assets.core.recipes.pod import EvaluationPodRecipe
from osft_assets.core.recipes.registry import RegistryRecipe
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.training_placement import Machine, placed, refuse_what_needs_a_cluster
from osft_assets.core.worker import JOB_FILE
from osft_assets.core.workspace import Workspace
from resources.evaluated_model import device_of
from resources.evaluation_process import EvaluationProcess
from resources.model_registry import Registries
from tests.core.training_parts import inputs
from tests.evaluation.parts import make_job

NO_GPU = Machine(cuda_devices=0, has_flash_attention=False, has_liger=False)
HIDDEN = {"CUDA_VISIBLE_DEVICES": ""}


def training(**values: Any) -> TrainingJob:
    """A job of the training's worker."""
    return inputs().job("osft", Path("/run")).model_copy(update=values)


@pytest.mark.parametrize(
    "setting", ["cpu", "shm", "image", "node_selector", "tolerations", "volumes", "more"]
)
def test_a_setting_that_needs_a_pod_is_had_in_one_and_refused_elsewhere(setting: str) -> None:
    refuse_what_needs_a_cluster(training(asked=(setting,), in_pod=True))

    with pytest.raises(ConfigError, match=f"pod.{setting} has no effect without Kubernetes"):
        refuse_what_needs_a_cluster(training(asked=(setting,)))


@pytest.mark.parametrize("asked", [(), ("gpu",)])
def test_a_training_pod_that_sees_no_gpu_fails(asked: tuple[str, ...]) -> None:
    job = training(gpu=1, asked=asked, in_pod=True)

    with pytest.raises(ConfigError, match="has pod.gpu: 1, but PyTorch sees no CUDA device"):
        placed(job, OsftRecipe(), NO_GPU)


@pytest.mark.parametrize("values", [{"gpu": 0}, {"gpu": 1, "env_vars": HIDDEN, "asked": ("gpu",)}])
def test_whoever_wants_no_gpu_or_hides_it_trains_on_the_cpu_of_the_pod(
    values: dict[str, Any],
) -> None:
    assert placed(training(in_pod=True, **values), OsftRecipe(), NO_GPU).on_cpu


def test_several_pods_on_purpose_are_refused_and_by_default_are_one() -> None:
    with pytest.raises(ConfigError, match=r"set OSFT_EXECUTOR=k8s, or KUBERNETES_SERVER_URL for a"):
        refuse_what_needs_a_cluster(training(workers=4, asked=("workers",), in_pod=True))

    gpu = Machine(cuda_devices=1, has_flash_attention=True, has_liger=True)
    assert "one pod instead of 4" in str(
        placed(training(workers=4, in_pod=True), OsftRecipe(), gpu).notes
    )


@pytest.mark.parametrize("setting", ["workers", "cpu", "image", "volumes", "more", "num_procs"])
def test_each_pod_of_a_train_job_has_every_setting(setting: str) -> None:
    spread = training(workers=2, gpu=2, asked=(setting,), is_spread=True)
    gpus = Machine(cuda_devices=2, has_flash_attention=True, has_liger=True)

    refuse_what_needs_a_cluster(spread)
    assert placed(spread, OsftRecipe(), gpus).processes == 2
    assert placed(spread, OsftRecipe(), gpus).notes == ()


@pytest.mark.parametrize("values", [{"gpu": 0}, {"gpu": 1, "env_vars": HIDDEN}])
def test_several_pods_without_a_gpu_are_refused_before_there_are_any(
    values: dict[str, Any],
) -> None:
    with pytest.raises(ConfigError, match="is 2, but the pods have no GPU.*pod.gpu above 0"):
        refuse_what_needs_a_cluster(training(workers=2, is_spread=True, **values))
    assert placed(training(is_spread=True, **values), OsftRecipe(), NO_GPU).on_cpu


def test_a_pod_of_several_that_sees_too_few_gpus_fails_since_all_must_be_alike() -> None:
    one = Machine(cuda_devices=1, has_flash_attention=True, has_liger=True)

    with pytest.raises(ConfigError, match=r"pod\.gpu is 2, but there are 1 CUDA devices here"):
        placed(training(workers=2, gpu=2, is_spread=True), OsftRecipe(), one)
    with pytest.raises(ConfigError, match="has pod.gpu: 2, but PyTorch sees no CUDA device"):
        placed(training(workers=2, gpu=2, is_spread=True), OsftRecipe(), NO_GPU)


@pytest.mark.parametrize("name", ["PET_NNODES", "MASTER_ADDR", "OSFT_TRAINING_JOB"])
def test_a_pod_of_several_takes_no_variables_that_are_trainings_own(name: str) -> None:
    with pytest.raises(ConfigError, match=f"pod.env_vars sets {name}, which training sets for"):
        refuse_what_needs_a_cluster(training(workers=2, is_spread=True, env_vars={name: "1"}))


def test_an_evaluation_on_one_machine_refuses_what_needs_a_pod(tmp_path: Path) -> None:
    file = EvaluationPodRecipe(memory="64Gi", gpu=2)
    told = evaluation_pod(file, file)
    job = make_job(tmp_path).model_copy(update={"pod": told})

    with pytest.raises(
        ConfigError, match=r"evaluation_pod\.memory has no effect without Kub"
    ) as no:
        EvaluationProcess().evaluate(job, print)

    assert "gpu" not in str(no.value)


def test_the_defaults_of_an_evaluations_pod_are_nobodys_wish() -> None:
    recipe = EvaluationPodRecipe()

    assert evaluation_pod(recipe, recipe) == EvaluationPod(gpu=1)


def test_an_evaluation_whose_pod_sees_no_gpu_fails_unless_it_is_to_run_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ConfigError, match=r"evaluation_pod\.gpu: 1, but PyTorch sees no CUDA"):
        device_of(EvaluationRecipe(), gpus_needed=1)
    assert device_of(EvaluationRecipe(device="cpu"), gpus_needed=1) == "cpu"
    assert device_of(EvaluationRecipe()) == "cpu"


@pytest.mark.parametrize(
    ("in_pod", "pod", "needed"),
    [
        (True, EvaluationPod(gpu=1), 1),
        (True, EvaluationPod(gpu=0), 0),
        (True, EvaluationPod(gpu=1, env_vars=HIDDEN), 0),
        (False, EvaluationPod(gpu=1), 0),
    ],
)
def test_only_an_evaluation_that_was_given_a_gpu_needs_one(
    tmp_path: Path, in_pod: bool, pod: EvaluationPod, needed: int
) -> None:
    job = make_job(tmp_path).model_copy(update={"pod": pod})

    with pytest.raises(EvaluationError):
        EvaluationProcess("tests.kubernetes.no_worker", in_pod).evaluate(job, print)

    told = EvaluationJob.model_validate_json((tmp_path / "run" / JOB_FILE).read_bytes())
    assert told.gpus_needed == needed


def test_pods_do_not_share_a_file_as_their_registry(workspace: Workspace) -> None:
    registries = Registries(workspace, {}, is_shared=True)

    with pytest.raises(ConfigError, match=r"registry\.address is empty, and steps are pods here"):
        registries.read(RegistryRecipe(), "mine-model")

    assert not registries.local_path.exists()


def test_pods_that_register_nothing_need_no_registry(workspace: Workspace) -> None:
    assert Registries(workspace, {}, is_shared=True).read(RegistryRecipe(skip=True), "x") is None
