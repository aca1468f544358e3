"""What the pods of a TrainJob see: the workspace below the same path, and the claims of the pod."""

from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.core.train_jobs.files import Mount, mounts_of
from osft_assets.core.training_job import TrainingJob
from osft_assets.core.workspace import Workspace
from tests.core.train_jobs.parts import job
from tests.core.training_parts import BASE


def asked(root: Path, **values: Any) -> TrainingJob:
    told: dict[str, Any] = {
        "model": BASE.model_copy(update={"path": str(root / "models/tiny")}),
        "train_path": str(root / "rows/train.jsonl"),
        "holdout_path": str(root / "rows/holdout.jsonl"),
    }
    return job(**told | values)


def test_the_workspace_is_mounted_where_it_is_here(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "pvc://claim/home/of%20all")

    assert mounts_of(asked(tmp_path), workspace) == (Mount("claim", tmp_path, "home/of all"),)


def test_a_claim_of_the_pod_is_mounted_too(tmp_path: Path) -> None:
    models = tmp_path / "models of others"
    pod = PodRecipe(workers=2).model_copy(update={"volumes": {"models": str(models)}})
    root = tmp_path / "workspace"
    base = BASE.model_copy(update={"path": str(models / "tiny")})

    found = mounts_of(asked(root, model=base, pod=pod), Workspace(root, "pvc://claim"))

    assert found == (Mount("claim", root), Mount("models", models))


@pytest.mark.parametrize("address", ["", "s3://bucket/prefix"])
def test_a_workspace_that_is_on_no_claim_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="OSFT_WORKSPACE_URI .* pvc://CLAIM/PATH"):
        mounts_of(asked(tmp_path), Workspace(tmp_path, address))


@pytest.mark.parametrize("what", ["model", "train_path", "holdout_path"])
def test_a_file_that_the_pods_cannot_see_is_refused(tmp_path: Path, what: str) -> None:
    away: Any = "/home/me/file"
    away = BASE.model_copy(update={"path": away}) if what == "model" else away

    with pytest.raises(ConfigError, match="/home/me/file: the pods of a TrainJob cannot see"):
        mounts_of(asked(tmp_path, **{what: away}), Workspace(tmp_path, "pvc://claim"))


def test_a_holdout_without_rows_need_not_be_seen(tmp_path: Path) -> None:
    job = asked(tmp_path, holdout_path="/elsewhere", holdout_rows=0)

    assert mounts_of(job, Workspace(tmp_path, "pvc://claim"))


def test_a_link_that_leads_out_of_the_workspace_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    (root / "models").mkdir(parents=True)
    (tmp_path / "cache").mkdir()
    (root / "models/tiny").symlink_to(tmp_path / "cache")

    with pytest.raises(ConfigError, match="cannot see"):
        mounts_of(asked(root), Workspace(root, "pvc://claim"))
