"""What is asked of Kubeflow Trainer: every setting of a pod arrives, or is refused."""

import json
from typing import Any

import pytest

from osft_assets.core.errors import ConfigError
from osft_assets.core.pods.findings import Json
from osft_assets.core.recipes.pod import PodRecipe, SftPodRecipe
from osft_assets.core.train_jobs.dialects import lost_fields, older, pod_template_of
from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.core.train_jobs.settings import refuse_what_a_runtime_says
from resources.train_job_types import refuse_wrong_types
from tests.core.train_jobs.parts import DIRECTORY, body, job
from tests.deployment.crds import DIALECTS, validate

AFFINITY = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}
# A value of each setting, and what must be somewhere in the TrainJob.
ARRIVES: dict[str, tuple[Any, list[Json]]] = {
    "gpu": (3, [{"nvidia.com/gpu": "3"}, {"numProcPerNode": 3}]),
    "gpu_resource": ("amd.com/gpu", [{"amd.com/gpu": "1"}]),
    "cpu": ("1.5", [{"requests": {"cpu": "1.5", "memory": "32Gi"}}]),
    "memory": ("7Gi", [{"memory": "7Gi"}, {"limits": {"memory": "7Gi", "nvidia.com/gpu": "1"}}]),
    "shm": ("3Gi", [{"emptyDir": {"medium": "Memory", "sizeLimit": "3Gi"}}]),
    "image": ("mine:2", [{"image": "mine:2"}]),
    "labels": ({"kueue.x-k8s.io/queue-name": "q"}, [{"kueue.x-k8s.io/queue-name": "q"}]),
    "annotations": ({"why": "so"}, [{"annotations": {"why": "so"}}]),
    "env_vars": ({"NCCL_DEBUG": "WARN"}, [{"name": "NCCL_DEBUG", "value": "WARN"}]),
    "env_secrets": (
        ["hub"],
        [
            {"secret": {"secretName": "hub"}},
            {"mountPath": "/var/run/osft/secrets/hub"},
            {"name": "OSFT_SECRET_DIRECTORIES", "value": "/var/run/osft/secrets/hub"},
        ],
    ),
    "pull_secret": ("pull", [{"imagePullSecrets": [{"name": "pull"}]}]),
    "node_selector": ({"zone": "a"}, [{"nodeSelector": {"zone": "a"}}]),
    "tolerations": (
        [{"key": "gpu", "operator": "Exists", "toleration_seconds": 9}],
        [{"tolerations": [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 9}]}],
    ),
    "service_account": ("me", [{"serviceAccountName": "me"}]),
    "volumes": (
        {"models": "/models"},
        [{"persistentVolumeClaim": {"claimName": "models"}}, {"mountPath": "/models"}],
    ),
    "more": ({"affinity": AFFINITY}, [{"affinity": AFFINITY}]),
    "workers": (5, [{"numNodes": 5}]),
    "num_procs": ("2", [{"numProcPerNode": 2}]),
}
REFUSED: dict[str, Any] = {"priority_class": "high", "ttl_seconds_after_finished": 600}
# Not of the pod: the step itself counts it (tests/train_jobs/test_states.py).
OF_THE_STEP = {"start_timeout_minutes"}


def holds(thing: Any, part: Json) -> bool:
    """Whether some object in it has all of these fields."""
    if isinstance(thing, dict):
        if part.items() <= {name: thing.get(name) for name in part}.items():
            return True
        return any(holds(each, part) for each in thing.values())
    return isinstance(thing, list) and any(holds(each, part) for each in thing)


@pytest.mark.parametrize("kind", [PodRecipe, SftPodRecipe])
def test_every_setting_of_a_pod_arrives_or_is_refused(kind: type[PodRecipe]) -> None:
    assert set(kind.model_fields) == {*ARRIVES, *REFUSED, *OF_THE_STEP}


@pytest.mark.parametrize("name", ARRIVES)
@pytest.mark.parametrize("kind", [PodRecipe, SftPodRecipe])
def test_a_setting_of_the_pod_is_in_the_train_job(kind: type[PodRecipe], name: str) -> None:
    value, parts = ARRIVES[name]
    base = {"workers": 2, "gpu": 1, "memory": "32Gi"}

    found = body(kind(**base | {name: value}))

    for part in parts:
        assert holds(found, part), part


@pytest.mark.parametrize("name", REFUSED)
def test_a_setting_that_only_a_runtime_has_is_refused_with_the_way_to_have_it(name: str) -> None:
    pod = PodRecipe(workers=2, **{name: REFUSED[name]})

    with pytest.raises(ConfigError, match=f"pod.{name}"):
        refuse_what_a_runtime_says(job(pod, asked=(name,)), "training-hub")


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("runtimeClassName", "nvidia", "ClusterTrainingRuntime training-hub"),
        ("activeDeadlineSeconds", 60, "train.timeout_minutes"),
        ("schedulerName", "mine", "ClusterTrainingRuntime training-hub"),
    ],
)
def test_a_further_field_that_trainer_does_not_take_is_refused(
    field: str, value: Any, remedy: str
) -> None:
    pod = PodRecipe(workers=2, more={field: value})

    with pytest.raises(ConfigError, match=remedy):
        refuse_what_a_runtime_says(job(pod), "training-hub")


def test_the_defaults_are_refused_by_nobody() -> None:
    for pod in (PodRecipe(workers=2), SftPodRecipe()):
        refuse_what_a_runtime_says(job(pod), "training-hub")


def test_a_variable_that_training_sets_itself_is_refused() -> None:
    pod = PodRecipe(workers=2, env_vars={"PET_NNODES": "7"})

    with pytest.raises(ConfigError, match="PET_NNODES"):
        refuse_what_a_runtime_says(job(pod), "training-hub")


FULL = PodRecipe(**{"workers": 2, **{name: value for name, (value, _) in ARRIVES.items()}})


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("pod", [PodRecipe(workers=2), SftPodRecipe(), FULL])
def test_the_train_job_is_one_that_the_api_takes_whole(dialect: Any, pod: PodRecipe) -> None:
    asked = body(pod) if dialect != "2.1" else older(body(pod))
    if dialect == "2.1":  # it knows no grace period, and is not given one (train_job_creation)
        del pod_template_of(asked)["spec"]["terminationGracePeriodSeconds"]

    validate(asked, dialect)


def test_the_types_of_trainer_hold_all_that_is_asked_for() -> None:
    for pod in (PodRecipe(workers=2), SftPodRecipe(), FULL):
        refuse_wrong_types(body(pod))


@pytest.mark.parametrize(
    ("settings", "expected_error"),
    [
        ({"more": {"affinity": {"nodeAffinty": {}, "podAffinity": 3}}}, "podAffinity|dictionary"),
        ({"more": {"affinity": {"nodeAffinty": {"a": 1}}}}, "no field affinity.nodeAffinty"),
        ({"more": {"terminationGracePeriodSeconds": "soon"}}, "valid integer"),
    ],
)
def test_a_further_field_with_a_wrong_name_or_type_is_refused(
    settings: dict[str, Any], expected_error: str
) -> None:
    with pytest.raises(ConfigError, match=expected_error):
        refuse_wrong_types(body(PodRecipe(workers=2, **settings)))


def test_each_node_runs_the_worker_on_the_job() -> None:
    trainer = body()["spec"]["trainer"]

    command = ["python", "-m", "resources.training_worker", str(DIRECTORY / "job.json")]
    assert trainer["command"] == command
    assert trainer["image"] == "trainer:1"


def test_without_an_image_the_one_of_the_runtime_trains() -> None:
    place = TrainJobPlace(always=True, in_pod=False, runtime="mine")

    found = body(place=place)["spec"]

    assert "image" not in found["trainer"]
    assert found["runtimeRef"] == {"name": "mine"}


def test_caches_stay_in_the_pod_unless_somebody_says_otherwise() -> None:
    pod = PodRecipe(workers=2, env_vars={"HF_HOME": "/models/cache"})

    told = {each["name"]: each["value"] for each in body(pod)["spec"]["trainer"]["env"]}

    assert told["HF_HOME"] == "/models/cache"
    assert told["XDG_CACHE_HOME"].startswith("/tmp/")
    assert told["TRITON_CACHE_DIR"].startswith("/tmp/")
    assert told["NCCL_DEBUG"] == "INFO"
    assert told["PYTHONUNBUFFERED"] == "1"


def test_without_gpus_none_is_asked_for_and_none_is_seen() -> None:
    trainer = body(PodRecipe(workers=1, gpu=0))["spec"]["trainer"]

    assert trainer["resourcesPerNode"]["limits"] == {"memory": "32Gi"}
    assert {"name": "CUDA_VISIBLE_DEVICES", "value": ""} in trainer["env"]
    assert trainer["numProcPerNode"] == 1


def test_without_shared_memory_none_is_mounted() -> None:
    assert "/dev/shm" in json.dumps(body())
    assert "/dev/shm" not in json.dumps(body(PodRecipe(workers=2, shm="0")))


def test_labels_say_whose_it_is_and_cannot_be_overwritten() -> None:
    pod = PodRecipe(workers=2, labels={"app.kubernetes.io/managed-by": "me"})

    found = body(pod)

    for labels in (found["metadata"]["labels"], pod_template_of(found)["metadata"]["labels"]):
        assert labels["app.kubernetes.io/managed-by"] == "osft-assets"
        assert labels["dagster/run-id"].startswith("0123abcd")
        assert labels["osft-assets/pipeline"] == "lessons"


def test_each_mount_has_a_volume_of_its_own() -> None:
    """Trainer keys the mounts of a container by volume: a second one would replace the first."""
    spec = pod_template_of(body(FULL))["spec"]

    mounts = [each["name"] for each in spec["containers"][0]["volumeMounts"]]
    assert len(mounts) == len(set(mounts)) == len(spec["volumes"])
    assert {"name": "osft-claim-0", "mountPath": "/workspace", "subPath": "home"} in (
        spec["containers"][0]["volumeMounts"]
    )


def test_both_dialects_say_the_same_of_the_pods() -> None:
    asked = body(FULL)

    assert pod_template_of(older(asked)) == pod_template_of(asked)
    assert "runtimePatches" not in older(asked)["spec"]


# What an API server drops


def test_what_is_kept_is_not_lost_however_it_is_written() -> None:
    sent = {"a": {"b": "0.5", "none": "", "empty": {}}, "c": [{"name": "x", "v": 1}, {"name": "y"}]}
    kept = {"a": {"b": "500m", "more": 1}, "c": [{"name": "y"}, {"name": "x", "v": "1"}]}

    assert list(lost_fields(sent, kept)) == []


def test_what_is_dropped_is_named() -> None:
    sent = {"a": {"b": 1}, "c": [{"name": "x", "v": 1}, {"name": "y"}], "d": [1, 2]}
    kept = {"a": {}, "c": [{"name": "x"}], "d": [1]}

    assert list(lost_fields(sent, kept)) == ["a.b", "c[0].v", "c[1]", "d[1]"]
