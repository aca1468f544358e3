"""Downloaded models: complete or absent, once, and told how far they are."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from osft_assets.core import model_downloads
from osft_assets.core.errors import SourceError, WorkspaceError
from osft_assets.core.model_downloads import downloaded, is_downloaded, refuse_without_room
from osft_assets.core.progress import DownloadProgress
from osft_assets.core.workspace import Workspace


class Download:
    """Writes two files, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, directory: Path) -> None:
        self.times += 1
        (directory / "config.json").write_text("{}")
        (directory / "below").mkdir()
        (directory / "below/x.jinja").write_text("x")


def test_a_download_is_made_once(workspace: Workspace) -> None:
    download, said = Download(), list[str]()

    first, second = (downloaded(workspace, "m-1", said.append, download) for _ in range(2))

    assert first == second == workspace.root / "_models/m-1/files"
    assert (first / "below/x.jinja").read_text() == "x"
    assert download.times == 1
    assert said == ["Downloaded before: reused."]


def _break_off(directory: Path) -> None:
    (directory / "config.json").write_text("{}")
    raise SourceError("it broke off")


def _run_out_of_room(_: Path) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("fill", "expected_error"), [(_break_off, SourceError), (_run_out_of_room, WorkspaceError)]
)
def test_a_download_that_fails_leaves_nothing(
    workspace: Workspace, fill: Callable[[Path], None], expected_error: type[Exception]
) -> None:
    with pytest.raises(expected_error):
        downloaded(workspace, "m-1", print, fill)

    assert not is_downloaded(workspace, "m-1")
    assert [path for path in (workspace.root / "_models").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda home: (home / "files/config.json").unlink(),
        lambda home: (home / "files/config.json").write_text(""),
        lambda home: (home / "download.json").write_text("[]"),
        lambda home: (home / "download.json").unlink(),
    ],
)
def test_a_damaged_download_is_made_anew(
    workspace: Workspace, damage: Callable[[Path], object]
) -> None:
    download, said = Download(), list[str]()
    downloaded(workspace, "m-1", said.append, download)
    damage(workspace.root / "_models/m-1")

    directory = downloaded(workspace, "m-1", said.append, download)

    assert download.times == 2
    assert (directory / "config.json").read_text() == "{}"
    assert "is not as it was downloaded: downloading it anew" in said[0]


def test_two_runs_at_once_download_once(workspace: Workspace) -> None:
    started, download, said = threading.Event(), Download(), list[str]()

    def slow(directory: Path) -> None:
        started.set()
        while not said:  # until the other one waits
            threading.Event().wait(0.01)
        download(directory)

    first = threading.Thread(target=downloaded, args=(workspace, "m-1", print, slow))
    first.start()
    started.wait(10)
    downloaded(workspace, "m-1", said.append, download)
    first.join()

    assert download.times == 1
    assert said[0] == "Another run is downloading this model: waiting for it."


def test_a_workspace_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "workspace").write_text("a file")

    with pytest.raises(WorkspaceError, match=r"Cannot write .*Check OSFT_WORKSPACE"):
        downloaded(Workspace(tmp_path / "workspace"), "m-1", print, Download())


def test_a_download_that_cannot_fit_is_refused_before_it_begins(tmp_path: Path) -> None:
    refuse_without_room(tmp_path / "not/there/yet", 1)

    with pytest.raises(WorkspaceError, match=r"No room for 1,?0+\.0 GB in .* GB are free there"):
        refuse_without_room(tmp_path / "not/there/yet", 10**18)


def test_progress_is_told_every_ten_seconds() -> None:
    said, times = list[str](), iter([0.0, 5.0, 10.0, 12.0, 20.0])
    progress = DownloadProgress(said.append, 4_000_000_000, lambda: next(times))

    for done in (1, 1_000_000_000, 1_200_000_000, 2_000_000_000):
        progress(done)

    assert said == [
        "Downloaded 1.00 of 4.00 GB, 100.0 MB a second",
        "Downloaded 2.00 of 4.00 GB, 100.0 MB a second",
    ]


def test_progress_of_unknown_size_is_told_too() -> None:
    said, times = list[str](), iter([0.0, 10.0])

    DownloadProgress(said.append, None, lambda: next(times))(500_000_000)

    assert said == ["Downloaded 0.50 GB, 50.0 MB a second"]


def test_no_pipeline_can_have_the_name_of_the_directory() -> None:
    assert model_downloads._HOME.startswith("_")  # names begin with a letter
