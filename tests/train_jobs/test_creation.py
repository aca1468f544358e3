"""How a TrainJob comes to be: by which dialect, once only, and with which words when it cannot."""

import json
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.errors import ConfigError, TrainingError
from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.worker import JOB_FILE
from tests.core.training_parts import BASE, outcome
from tests.train_jobs.fake_api import Fault, Request
from tests.train_jobs.training import TOKEN, Training


def goes_well(training: Training) -> None:
    training.plan(training.api.add_pods, training.completes)


# Who trains


@pytest.mark.parametrize(
    ("always", "in_pod", "workers", "is_a_train_job"),
    [
        (False, False, 1, False),
        (False, False, 4, False),
        (False, True, 1, False),
        (False, True, 2, True),
        (True, False, 1, True),
        (True, False, 2, True),
    ],
)
def test_a_train_job_is_for_several_pods_or_for_a_cluster_that_is_given(
    training: Training, always: bool, in_pod: bool, workers: int, is_a_train_job: bool
) -> None:
    training.place = TrainJobPlace(always, in_pod, namespace="team")
    goes_well(training)

    training.train(training.job(PodRecipe(workers=workers)))

    assert bool(training.api.created) == is_a_train_job
    assert bool(training.here.jobs) != is_a_train_job


def test_what_is_trained_here_asks_no_cluster(training: Training) -> None:
    training.train(training.job(PodRecipe(workers=1)))

    assert training.api.requests == []


# Before anything is made


def test_files_that_the_pods_cannot_see_are_refused_before_anything_is_made(
    training: Training,
) -> None:
    base = BASE.model_copy(update={"path": "/home/me/model"})

    with pytest.raises(ConfigError, match="/home/me/model"):
        training.train(training.job(model=base))

    assert training.api.requests == []
    assert not (training.workspace.root / "train_jobs").exists()


def test_without_a_namespace_nothing_is_made(training: Training) -> None:
    training.place = TrainJobPlace(always=True, in_pod=False)

    with pytest.raises(ConfigError, match="Set OSFT_NAMESPACE"):
        training.train()

    assert training.api.requests == []


def test_the_nodes_find_their_job(training: Training) -> None:
    told: list[TrainingJob] = []

    def read() -> None:
        told.append(TrainingJob.model_validate_json((training.directory / JOB_FILE).read_bytes()))
        training.api.add_pods()

    training.plan(read, training.completes)
    training.train()

    [job] = told
    assert job.is_spread
    assert job.workers == 2
    assert job.directory == str(
        training.workspace.root / "train_jobs/osft-lessons-feedfeed-0123abcd"
    )
    assert job.rows_directory == f"{job.directory}/rows"


def test_rows_that_have_a_place_of_their_own_keep_it(training: Training) -> None:
    told: list[TrainingJob] = []

    def read() -> None:
        told.append(TrainingJob.model_validate_json((training.directory / JOB_FILE).read_bytes()))
        training.api.add_pods()

    training.plan(read, training.completes)
    training.train(training.job(rows_directory="/local/rows"))

    assert told[0].rows_directory == "/local/rows"


# In which dialect


@pytest.mark.parametrize(
    ("dialect", "field"), [("2.3", "runtimePatches"), ("2.1", "podTemplateOverrides")]
)
def test_the_cluster_gets_the_dialect_that_it_knows(
    training: Training, dialect: str, field: str
) -> None:
    training.api.dialect = dialect
    kept: list[Any] = []
    training.plan(
        lambda: kept.append(training.api.jobs[training.api.name]["spec"][field]),
        *(training.api.add_pods, training.completes),
    )

    assert training.train() == outcome()
    assert "osft-workspace" in json.dumps(kept)  # the claim
    assert len(training.api.created) == 1


def test_a_trainer_that_knows_no_grace_period_is_used_all_the_same(training: Training) -> None:
    training.api.knows_grace = False
    goes_well(training)

    assert training.train() == outcome()


def test_a_grace_period_that_somebody_asked_for_is_not_dropped_quietly(training: Training) -> None:
    training.api.knows_grace = False
    pod = PodRecipe(workers=2, more={"terminationGracePeriodSeconds": 300})

    with pytest.raises(ConfigError, match="terminationGracePeriodSeconds, and would drop it"):
        training.train(training.job(pod))

    assert training.api.created == []


def test_a_field_that_this_trainer_does_not_know_is_not_dropped_quietly(training: Training) -> None:
    training.api.dialect = "2.1"
    pod = PodRecipe(workers=2, more={"securityContext": {"runAsUser": 7}})

    with pytest.raises(ConfigError, match="securityContext, and would drop it"):
        training.train(training.job(pod))

    assert training.api.created == []


# When it cannot be


@pytest.mark.parametrize(
    ("fault", "expected_error"),
    [
        (
            Fault("POST", "trainjobs", 403, 9, "trainjobs is forbidden"),
            "trainjobs is forbidden.*role",
        ),
        (Fault("GET", "trainjobs", 401, 9, "Unauthorized"), "Unauthorized. Check the token"),
        (Fault("POST", "trainjobs", 422, 9, "runtime nope not found"), "nope.*OSFT_TRAIN_RUNTIME"),
        (Fault("POST", "trainjobs", 400, 9, "bad quantity"), "bad quantity"),
    ],
)
def test_a_refusal_is_a_wrong_setting_in_the_api_s_words(
    training: Training, fault: Fault, expected_error: str
) -> None:
    training.api.faults.append(fault)

    with pytest.raises(ConfigError, match=expected_error):
        training.train()

    assert training.api.created == []
    assert training.clock.seconds < 60
    assert not list((training.workspace.root / "train_jobs").glob("*"))


def test_a_cluster_without_trainer_is_told(training: Training) -> None:
    training.api.dialect = ""

    with pytest.raises(ConfigError, match="Install Kubeflow Trainer"):
        training.train()


def test_an_api_that_is_away_for_a_minute_is_waited_for(training: Training) -> None:
    training.api.faults += [
        *(Fault("GET", "trainjobs", 503, 2), Fault("POST", "trainjobs", 500, 2)),
        *(Fault("POST", "trainjobs", 429), Fault("POST", "trainjobs", 0)),
    ]
    training.plan(*[lambda: None] * 6, training.api.add_pods, training.completes)

    assert training.train() == outcome()
    assert len(training.api.created) == 1


def test_an_api_that_stays_away_is_left_to_the_retries(training: Training) -> None:
    training.api.faults.append(Fault("POST", "trainjobs", 503, 10**6))

    with pytest.raises(TrainingError, match="cannot be made: .* answered 503") as problem:
        training.train()

    assert problem.value.is_transient
    assert training.clock.seconds < 5 * 60


def test_a_creation_whose_answer_is_lost_makes_one_train_job(training: Training) -> None:
    """It is asked for again, and the API says that there is one."""
    create = 2  # the first is the dry run

    def cut(request: Request) -> None:
        posts = [each for each in training.api.requests if each.method == "POST"]
        if request.method == "POST" and len(posts) == create:
            training.api.faults.append(Fault("POST", "trainjobs", cut_after=20))

    training.api.before = cut
    training.plan(lambda: None, training.api.add_pods, training.completes)

    assert training.train() == outcome()
    assert len(training.api.created) == 1
    assert sum(request.method == "POST" for request in training.api.requests) == 3


def test_one_that_is_deleted_while_it_is_made_is_a_failure(training: Training) -> None:
    def delete(request: Request) -> None:
        if request.method == "POST" and not request.is_a_dry_run:
            training.api.remove(training.api.name)

    training.api.after = delete

    with pytest.raises(TrainingError, match="somebody deleted it"):
        training.train()


def test_a_train_job_of_the_same_name_that_is_not_ours_is_left_alone(training: Training) -> None:
    name = "osft-lessons-feedfeed-0123abcd"
    theirs = {"metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "them"}}}
    training.api.jobs[name] = theirs

    with pytest.raises(ConfigError, match="and not ours"):
        training.train()

    assert training.api.jobs == {name: theirs}
    assert training.api.deleted == []


# Secrets


def test_no_secret_is_in_the_train_job_in_files_or_in_words(
    training: Training, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = {"HF_TOKEN": "hf_abcdefghijklmnopqrstuvwxyz012345", "WANDB_API_KEY": "k" * 40}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    training.plan(
        training.api.add_pods,
        lambda: training.api.faults.append(Fault("GET", "", 401, 3, f"no {TOKEN}")),
        *[lambda: None] * 6,
        training.completes,
    )

    training.train(training.job(PodRecipe(workers=2, env_secrets=["hub"])))

    said = json.dumps([request.body for request in training.api.requests]) + "".join(
        path.read_text() for path in tmp_path.rglob("*") if path.is_file()
    )
    for value in secrets.values():
        assert value not in said + training.words
    assert TOKEN not in said
    assert "hub" in said
    assert {request.authorization for request in training.api.requests} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("url", "token", "expected_error"),
    [
        ("https://cluster.example", "", "KUBERNETES_AUTH_TOKEN is not set"),
        ("https://cluster.example", "one two\nthree", "KUBERNETES_AUTH_TOKEN is not one word"),
        ("http://cluster.example", "secret-1", "expected https://"),
        ("https://me:secret-1@cluster.example", "x", "expected https://"),
        ("cluster.example", "secret-1", "expected https://"),
    ],
)
def test_a_connection_that_would_give_the_token_away_is_refused(
    training: Training, monkeypatch: pytest.MonkeyPatch, url: str, token: str, expected_error: str
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVER_URL", url)
    monkeypatch.setenv("KUBERNETES_AUTH_TOKEN", token)

    with pytest.raises(ConfigError, match=expected_error) as problem:
        training.train()

    for part in ("secret-1", "three"):
        assert part not in str(problem.value)


def test_a_ca_that_is_not_there_is_told(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_CA_FILE", "/nowhere/ca.crt")

    with pytest.raises(ConfigError, match="KUBERNETES_CA_FILE is /nowhere/ca.crt"):
        training.train()


def test_a_kubeconfig_that_trusts_anybody_is_refused(
    training: Training, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cluster = {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True}
    context = {"cluster": "c", "user": "u", "namespace": "team"}
    (tmp_path / "kubeconfig").write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": {"token": TOKEN}}],
                "contexts": [{"name": "here", "context": context}],
                "current-context": "here",
            }
        )
    )
    monkeypatch.delenv("KUBERNETES_SERVER_URL")
    # Kubernetes' client reads the variable when it is imported.
    monkeypatch.setattr(
        "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig")
    )

    with pytest.raises(ConfigError, match="insecure-skip-tls-verify"):
        training.train()
