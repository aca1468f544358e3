"""Which pod a step gets: as the API is asked for it, valid for the cluster versions there are."""

from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes_validate
import pytest

from tests.kubernetes.fake_cluster import FakeCluster
from tests.kubernetes.steps import DATASET, SCORES, TRAINING, Clock, Launched, handler, launching

VERSIONS = ("1.30", "1.33", kubernetes_validate.latest_version())
EVERYTHING: dict[str, Any] = {
    "gpu": 2,
    "gpu_resource": "nvidia.com/mig-3g.40gb",
    "cpu": "7.5",
    "memory": "96Gi",
    "shm": "16Gi",
    "image": "registry.example.org/own:2",
    "labels": {"team": "nlp"},
    "annotations": {"sidecar.istio.io/inject": "false"},
    "env_vars": {"NCCL_DEBUG": "WARN"},
    "env_secrets": ["hub-token"],
    "pull_secret": "registry-login",
    "node_selector": {"gpu-type": "h100"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "service_account": "trainer",
    "volumes": {"models": "/models"},
    "priority_class": "low",
    "ttl_seconds_after_finished": 600,
    "more": {
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
                    ]
                }
            }
        },
        "scheduler_name": "volcano",
    },
}


def launched(
    instance: dg.DagsterInstance,
    key: str,
    pipeline: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    image: str = "trainer:1",
    always: bool = False,
) -> dict[str, Any]:
    """The job that the cluster is asked for, once every version's schema has taken it."""
    cluster = FakeCluster()
    run = Launched(instance, pipeline, config)
    list(handler(instance, cluster, Clock(), image, always).launch_step(run.context(key)))
    [job] = cluster.created
    asked = {name: part for name, part in job.items() if name != "status"}
    asked["metadata"] = {
        name: part
        for name, part in job["metadata"].items()
        if name not in ("creationTimestamp", "namespace")
    }
    for version in VERSIONS:
        kubernetes_validate.validate(asked, version, strict=True)
    return job


def spec_of(job: dict[str, Any]) -> dict[str, Any]:
    return dict(job["spec"]["template"]["spec"])


def container_of(job: dict[str, Any]) -> dict[str, Any]:
    [one] = spec_of(job)["containers"]
    return dict(one)


def environment_of(job: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in container_of(job)["env"]}


def test_every_setting_of_the_launchpad_reaches_the_pod(instance: dg.DagsterInstance) -> None:
    config = {"ops": {TRAINING: {"config": {"pod": EVERYTHING}}}}

    job = launched(instance, TRAINING, config=config)

    spec, container = spec_of(job), container_of(job)
    assert container["image"] == "registry.example.org/own:2"
    assert container["resources"] == {
        "requests": {"cpu": "7.5", "memory": "96Gi"},
        "limits": {"memory": "96Gi", "nvidia.com/mig-3g.40gb": "2"},
    }
    assert container["volumeMounts"] == [
        {"name": "osft-claim-0", "mountPath": "/models"},
        {"name": "osft-shm", "mountPath": "/dev/shm"},
    ]
    assert spec["volumes"] == [
        {"name": "osft-claim-0", "persistentVolumeClaim": {"claimName": "models"}},
        {"name": "osft-shm", "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}},
    ]
    assert container["envFrom"] == [{"secretRef": {"name": "hub-token"}}]
    assert environment_of(job)["NCCL_DEBUG"] == "WARN"
    assert spec["imagePullSecrets"] == [{"name": "registry-login"}]
    assert spec["nodeSelector"] == {"gpu-type": "h100"}
    assert spec["tolerations"] == EVERYTHING["tolerations"]
    assert spec["serviceAccountName"] == "trainer"
    assert spec["priorityClassName"] == "low"
    assert spec["affinity"] == EVERYTHING["more"]["affinity"]
    assert spec["schedulerName"] == "volcano"
    assert job["spec"]["ttlSecondsAfterFinished"] == 600
    metadata = job["spec"]["template"]["metadata"]
    assert metadata["labels"]["team"] == "nlp"
    assert metadata["annotations"] == {"sidecar.istio.io/inject": "false"}
    assert job["metadata"]["labels"]["team"] == "nlp"


def test_a_run_without_config_gets_the_pod_of_the_file(instance: dg.DagsterInstance) -> None:
    job = launched(instance, TRAINING, {"pod": {"gpu": 4, "memory": "200Gi"}})

    assert container_of(job)["resources"]["limits"] == {"memory": "200Gi", "nvidia.com/gpu": "4"}
    assert spec_of(job)["serviceAccountName"] == "steps"


def test_an_evaluation_has_a_pod_of_its_own(instance: dg.DagsterInstance) -> None:
    file = {"pod": {"gpu": 8}, "evaluation_pod": {"memory": "24Gi"}}
    config = {"ops": {SCORES: {"config": {"pod": {"cpu": "3"}}}}}

    job = launched(instance, SCORES, file, config)

    assert container_of(job)["resources"] == {
        "requests": {"cpu": "3", "memory": "24Gi"},
        "limits": {"memory": "24Gi", "nvidia.com/gpu": "1"},
    }


@pytest.mark.parametrize(
    "file", [{"pod": {"gpu": 0}}, {"pod": {"gpu": 0}, "evaluation_pod": {"cpu": "2"}}]
)
@pytest.mark.parametrize("key", [TRAINING, SCORES, "mine__base_scores", "mine__champion_scores"])
def test_a_pipeline_for_a_cpu_asks_for_no_gpu_anywhere(
    instance: dg.DagsterInstance, file: dict[str, Any], key: str
) -> None:
    job = launched(instance, key, file)

    assert "nvidia.com/gpu" not in str(job)


def test_a_light_step_is_what_the_deployment_says(tmp_path: Path) -> None:
    small = {"limits": {"memory": "2Gi", "cpu": "500m"}, "requests": {"cpu": "250m"}}
    with launching(tmp_path, resources=small) as instance:
        job = launched(instance, DATASET)

    assert container_of(job)["image"] == "control:1"
    assert container_of(job)["resources"] == small


def test_what_the_deployment_gives_light_steps_does_not_limit_those_that_compute(
    tmp_path: Path,
) -> None:
    small = {"limits": {"memory": "2Gi", "cpu": "500m"}, "requests": {"cpu": "250m"}}
    with launching(tmp_path, resources=small) as instance:
        job = launched(instance, TRAINING)

    assert container_of(job)["resources"] == {
        "requests": {"cpu": "8", "memory": "32Gi"},
        "limits": {"memory": "32Gi", "nvidia.com/gpu": "1"},
    }


def test_what_the_deployment_mounts_stays_beside_ours(tmp_path: Path) -> None:
    volumes = [
        {"name": "work", "persistentVolumeClaim": {"claimName": "workspace"}},
        {"name": "fast", "emptyDir": {"medium": "Memory"}},
    ]
    mounts = [
        {"name": "work", "mountPath": "/workspace"},
        {"name": "fast", "mountPath": "/dev/shm"},
    ]
    with launching(tmp_path, volumes=volumes, volume_mounts=mounts) as instance:
        job = launched(instance, TRAINING, {"pod": {"volumes": {"m": "/m"}}})

    paths = [mount["mountPath"] for mount in container_of(job)["volumeMounts"]]
    assert sorted(paths) == ["/dev/shm", "/m", "/workspace"]


@pytest.mark.parametrize("nothing", ["0", "0Gi"])
def test_shared_memory_of_nought_is_the_containers_own(
    instance: dg.DagsterInstance, nothing: str
) -> None:
    job = launched(instance, TRAINING, {"pod": {"shm": nothing}})

    assert "/dev/shm" not in str(job)


@pytest.mark.parametrize(
    ("key", "trainer_image", "expected"),
    [
        (TRAINING, "trainer:1", "trainer:1"),
        (SCORES, "trainer:1", "trainer:1"),
        (DATASET, "trainer:1", "control:1"),
        (TRAINING, "", "control:1"),
    ],
)
def test_what_computes_does_so_in_the_trainers_image(
    instance: dg.DagsterInstance,
    key: str,
    trainer_image: str,
    expected: str,
) -> None:
    job = launched(instance, key, image=trainer_image)

    assert container_of(job)["image"] == expected


@pytest.mark.parametrize("key", [TRAINING, DATASET])
def test_every_step_knows_that_it_is_a_pod_and_keeps_its_last_words(
    instance: dg.DagsterInstance, key: str
) -> None:
    job = launched(instance, key)

    assert environment_of(job)["OSFT_EXECUTOR"] == "k8s"
    assert container_of(job)["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert job["spec"]["backoffLimit"] == 0


def test_a_training_has_time_to_end_when_its_run_is_cancelled(instance: dg.DagsterInstance) -> None:
    from resources.process_tree import GRACE_SECONDS

    given = launched(instance, TRAINING)
    asked = {"pod": {"more": {"terminationGracePeriodSeconds": 300}}}

    assert spec_of(given)["terminationGracePeriodSeconds"] > 10 * GRACE_SECONDS
    assert spec_of(launched(instance, TRAINING, asked))["terminationGracePeriodSeconds"] == 300


def test_no_secret_is_written_into_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_hunter2hunter2")
    with launching(tmp_path, env_secrets=["hub"]) as instance:
        job = launched(instance, TRAINING, {"pod": {"env_secrets": ["more"]}})

    assert "hunter2" not in str(job)
    assert container_of(job)["envFrom"] == [
        {"secretRef": {"name": "hub"}},
        {"secretRef": {"name": "more"}},
    ]


def test_a_second_try_is_a_job_of_its_own(
    instance: dg.DagsterInstance, cluster: FakeCluster
) -> None:
    run, made = Launched(instance), handler(instance, cluster, Clock())

    list(made.launch_step(run.context(TRAINING)))
    list(made.launch_step(run.context(TRAINING, tries=1)))

    first, second = (job["metadata"]["name"] for job in cluster.created)
    assert second == f"{first}-1"


def test_a_training_over_several_pods_is_followed_by_a_small_one(
    instance: dg.DagsterInstance,
) -> None:
    """Which has no GPU, no rights but the deployment's, and is in no queue."""
    queue = {"kueue.x-k8s.io/queue-name": "gpus"}
    pod = EVERYTHING | {"workers": 2, "labels": {"team": "nlp", **queue}}

    job = launched(instance, TRAINING, config={"ops": {TRAINING: {"config": {"pod": pod}}}})

    spec, container = spec_of(job), container_of(job)
    assert container["image"] == "registry.example.org/own:2"
    assert container["resources"] == {
        "requests": {"cpu": "500m", "memory": "2Gi"},
        "limits": {"memory": "2Gi"},
    }
    assert container["volumeMounts"] == [{"name": "osft-claim-0", "mountPath": "/models"}]
    assert spec["serviceAccountName"] == "steps"
    assert spec["imagePullSecrets"] == [{"name": "registry-login"}]
    assert job["metadata"]["labels"]["team"] == "nlp"
    for ours in ("kueue", "NCCL", "hub-token", "h100", "volcano", "priorityClassName"):
        assert ours not in str(job)


@pytest.mark.parametrize(("always", "workers"), [(True, 1), (False, 2)])
def test_where_a_cluster_is_given_every_training_is_followed_by_a_small_pod(
    instance: dg.DagsterInstance, always: bool, workers: int
) -> None:
    job = launched(instance, TRAINING, {"pod": {"gpu": 8, "workers": workers}}, always=always)

    assert "nvidia.com/gpu" not in str(job)
    assert container_of(job)["image"] == "trainer:1"


def test_an_evaluation_is_no_train_job_and_has_its_gpu(instance: dg.DagsterInstance) -> None:
    job = launched(instance, SCORES, {"pod": {"workers": 4}}, always=True)

    assert container_of(job)["resources"]["limits"]["nvidia.com/gpu"] == "1"
