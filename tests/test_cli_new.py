"""`osft-assets new`, as a user calls it: a file that is whole and loads, or none."""

import shutil
from pathlib import Path

import pytest
import yaml

from osft_assets.component import FineTunePipeline
from osft_assets.core.pipeline_file import NewPipeline, pipeline_file
from tests.commands import ROOT, osft_assets


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An installation's own directory of pipelines."""
    directory = tmp_path / "pipelines"
    directory.mkdir()
    return directory


@pytest.mark.parametrize("algorithm", ["osft", "sft"])
def test_the_file_is_a_pipeline_with_what_was_asked_for_and_defaults(algorithm: str) -> None:
    asked = NewPipeline(
        "mine", algorithm, 's3://bucket/a "b": c#/', base_model="org/name", schedule="@daily"
    )

    read = yaml.safe_load(pipeline_file(asked))
    recipe = FineTunePipeline(read["attributes"]).recipe("mine.yaml")

    assert recipe.name == "mine"
    assert recipe.algorithm == algorithm
    assert recipe.dataset.data_uri == 's3://bucket/a "b": c#/'
    assert recipe.base_model.base_model == "org/name"
    assert recipe.schedule.cron == "@daily"
    assert recipe.train == type(recipe.train)()


def test_what_the_comments_suggest_is_the_default_or_fine() -> None:
    text = pipeline_file(NewPipeline("mine", data_uri="pvc://rows"))
    uncommented = "\n".join(
        line.replace("# ", "", 1) if line.lstrip().startswith("# ") else line
        for line in text.splitlines()[1:]
    )

    recipe = FineTunePipeline(yaml.safe_load(uncommented)["attributes"]).recipe("mine.yaml")

    assert recipe.train == type(recipe.train)()
    assert recipe.retrain_on_new_data.enabled


def test_a_new_pipeline_is_there_at_once(own: Path) -> None:
    done = osft_assets("new", "weekly", "--start-from", "osft", OSFT_DEFS=str(own))
    again = osft_assets("new", "weekly", OSFT_DEFS=str(own))

    assert done.returncode == 0, done.stderr
    assert f"Wrote {own}/weekly/defs.yaml." in done.stdout
    assert "osft-assets run weekly" in done.stdout
    assert again.returncode == 1
    assert again.stderr == (
        f"Error: {own}/weekly exists. Choose another name, or edit the file in it.\n"
    )
    assert [path.name for path in own.iterdir()] == ["weekly"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["Bad_Name"], "Error: NAME: expected lower-case letters, digits and '_'"),
        (["../x"], "Error: NAME: expected lower-case letters"),
        (["osft"], "Error: More than one defs.yaml defines the pipeline osft."),
        (["x", "--start-from", "nope"], "Error: The pipeline x starts from nope, which no"),
        (["x", "--schedule", "@daily"], "Error: schedule would fail at every tick"),
        (
            ["x", "--data-uri", "https://bob:hunter2@example.org/"],
            "Error: --data-uri: data_uri carries a user name or password",
        ),
    ],
)
def test_what_would_not_load_is_refused_and_not_written(
    own: Path, arguments: list[str], expected: str
) -> None:
    done = osft_assets("new", *arguments, OSFT_DEFS=str(own))

    assert done.returncode == 1
    assert done.stderr.startswith(expected)
    assert "hunter2" not in done.stderr
    assert list(own.iterdir()) == []


def test_an_installed_package_is_no_place_for_files_of_the_user(tmp_path: Path) -> None:
    for package in ("osft_assets", "resources"):
        shutil.copytree(ROOT / package, tmp_path / package)

    done = osft_assets("new", "weekly", directory=tmp_path, OSFT_DEFS="")

    assert done.returncode == 1
    assert "set OSFT_DEFS to it" in done.stderr
    assert not (tmp_path / "osft_assets/defs/weekly").exists()


def test_a_checkout_takes_it_into_its_own_defs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "osft_assets", tmp_path / "osft_assets")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    done = osft_assets("new", "weekly", directory=tmp_path, OSFT_DEFS="")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "osft_assets/defs/weekly/defs.yaml").is_file()


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = osft_assets("history", "osft", OSFT_DEFS=str(tmp_path / "nope"))

    assert done.returncode == 1
    assert "which is no directory. Make it, or change OSFT_DEFS" in done.stderr
