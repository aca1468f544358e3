"""A finished training on disk: what is kept, and how it is told from what is not whole."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from osft_assets.core.checkpoint import (
    MARKER,
    MODEL,
    CheckpointVersion,
    arrange,
    checkpoint_record,
    is_whole,
    metrics_record,
    model_files,
    read_version,
    stable_directory,
)
from osft_assets.core.errors import TrainingError
from osft_assets.core.lineage import file_sha256
from osft_assets.core.training_job import STEPS_FILE
from osft_assets.core.workspace import Workspace
from tests.core.training_parts import checkpoint, outcome


def written(directory: Path) -> CheckpointVersion:
    version = checkpoint(directory)
    (directory / MARKER).write_text(version.model_dump_json())
    (directory / STEPS_FILE).write_bytes(b"steps")
    return version


def run_directory(path: Path, *directories: str) -> Path:
    """What a trainer leaves: a file in each of these, and rubbish."""
    for name in directories:
        (path / name).mkdir(parents=True)
        (path / name / "model.safetensors").write_text(name)
    (path / STEPS_FILE).write_bytes(b"steps")
    (path / "rubbish").mkdir()
    (path / "rubbish/cache.bin").write_bytes(b"left by the trainer")
    return path


def test_a_version_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    version = written(tmp_path)

    assert read_version(tmp_path) == version


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"fingerprint": ', b"\xff\xfe"])
def test_a_version_that_cannot_be_read_says_what_to_do(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / MARKER).write_bytes(content)

    with pytest.raises(TrainingError, match=r"checkpoint\.json is missing, damaged.*Materialize"):
        read_version(tmp_path)


def test_a_checkpoint_as_it_was_written_is_whole(tmp_path: Path) -> None:
    written(tmp_path)

    assert is_whole(tmp_path)


def truncate(directory: Path) -> None:
    (directory / MODEL / "model.safetensors").write_bytes(b"weig")


def lose_a_file(directory: Path) -> None:
    (directory / MODEL / "config.json").unlink()


def lose_the_model(directory: Path) -> None:
    shutil.rmtree(directory / MODEL)


def put_a_file_in_place_of_the_model(directory: Path) -> None:
    shutil.rmtree(directory / MODEL)
    (directory / MODEL).write_bytes(b"")


def lose_the_marker(directory: Path) -> None:
    (directory / MARKER).unlink()


def damage_the_marker(directory: Path) -> None:
    (directory / MARKER).write_bytes((directory / MARKER).read_bytes()[:-10])


@pytest.mark.parametrize(
    "damage",
    [
        *(truncate, lose_a_file, lose_the_model, put_a_file_in_place_of_the_model),
        *(lose_the_marker, damage_the_marker, shutil.rmtree),
    ],
)
def test_what_was_damaged_is_not_whole(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    written(tmp_path / "one")

    damage(tmp_path / "one")

    assert not is_whole(tmp_path / "one")


# From a run


def test_the_model_and_the_steps_are_kept_and_the_rubbish_goes(tmp_path: Path) -> None:
    run = run_directory(tmp_path / "run", "hf_format/samples_32")

    arrange(run, tmp_path, outcome())

    assert {path.name for path in tmp_path.iterdir()} == {MODEL, STEPS_FILE}
    assert (tmp_path / MODEL / "model.safetensors").read_text() == "hf_format/samples_32"
    assert (tmp_path / STEPS_FILE).read_bytes() == b"steps"


def test_epochs_and_full_states_are_kept_under_their_names(tmp_path: Path) -> None:
    epochs = ("hf_format/samples_8", "hf_format/samples_16")
    states = ("full_state/epoch_0", "full_state/epoch_1")
    run = run_directory(tmp_path / "run", "hf_format/samples_32", *epochs, *states)

    arrange(run, tmp_path, outcome(epochs=epochs, full_states=states))

    kept = {str(p.relative_to(tmp_path)): p.read_text() for p in tmp_path.glob("*/*/*.safetensors")}
    assert kept == {
        "epochs/samples_8/model.safetensors": epochs[0],
        "epochs/samples_16/model.safetensors": epochs[1],
        "full_state/epoch_0/model.safetensors": states[0],
        "full_state/epoch_1/model.safetensors": states[1],
    }


def test_files_of_a_model_are_named_by_their_place_in_it(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/modeling.py").write_text("pass")
    (tmp_path / "config.json").write_text("{}")

    files = model_files(tmp_path)

    assert [file.name for file in files] == ["code/modeling.py", "config.json"]
    assert [file.size_bytes for file in files] == [4, 2]
    assert files[1].sha256 == file_sha256(tmp_path / "config.json")


# What the next stages get


def test_a_record_leads_to_the_model_where_it_is_now(tmp_path: Path) -> None:
    version = written(tmp_path)
    moved = version.base_model.model_copy(update={"path": "/elsewhere"})
    record = checkpoint_record(tmp_path, version, moved)

    assert record.base_model.path == "/elsewhere"

    assert record.model.path == str(tmp_path / MODEL)
    assert (record.version_path, record.base_model) == (str(tmp_path), moved)


def test_a_record_of_the_metrics_leads_to_the_steps(tmp_path: Path) -> None:
    record = metrics_record(tmp_path, written(tmp_path))

    assert (record.path, record.steps) == (str(tmp_path / STEPS_FILE), 4)


def test_the_stable_link_is_in_the_directory_of_its_pipeline(workspace: Workspace) -> None:
    assert stable_directory(workspace, "lessons") == workspace.root / "lessons/final_model"


@pytest.mark.parametrize(
    ("device", "gpus", "hours"), [("cpu", 1, 0.0), ("NVIDIA H100", 1, 0.5), ("NVIDIA H100", 4, 2.0)]
)
def test_gpu_hours_are_counted_over_all_gpus(
    tmp_path: Path, device: str, gpus: int, hours: float
) -> None:
    told = outcome(device=device, world_size=gpus, seconds=1800)

    assert checkpoint(tmp_path, outcome=told).gpu_hours == hours
