"""A training and the API it meets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from osft_assets.core.workspace import Workspace
from tests.train_jobs.fake_api import FakeApi, served
from tests.train_jobs.training import TOKEN, Clock, Training


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Training]:
    clock = Clock()
    api = FakeApi(clock.now)
    root = tmp_path / "workspace"
    root.mkdir()
    with served(api) as url:
        monkeypatch.setenv("KUBERNETES_SERVER_URL", url)
        monkeypatch.setenv("KUBERNETES_AUTH_TOKEN", TOKEN)
        monkeypatch.setenv("NO_PROXY", "*")
        yield Training(Workspace(root, "pvc://osft-workspace/home"), api, clock)
