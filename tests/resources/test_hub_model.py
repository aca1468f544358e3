"""Models of the Hub, against a server with its API."""

import resource
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from osft_assets.core.errors import ConfigError, ModelError, SourceError, WorkspaceError
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.workspace import Workspace
from resources.hub_progress import progress_bar
from resources.model_inspector import ModelFiles
from resources.model_sources import ModelSources
from tests.models import model, safetensors, shards
from tests.resources.servers import Answer, HubRepository, RunningServer, hub_server

COMMIT = "c0" * 20
TOKEN = "hf_token-of-the-test"  # noqa: S105
FILES = model()
LARGE = safetensors({"embed": ("BF16", (1000, 1000))})
HUGE = safetensors({"embed": ("BF16", (1000, 8000))})  # the client writes 10 MB at a time
NOT_NEEDED = {
    "README.md": b"---\nlicense: mit\n---\n",
    ".gitattributes": b"x",
    "pytorch_model.bin": b"x",
    "model.gguf": b"x",
    "onnx/model.onnx": b"x",
    "onnx/config.json": b"x",
    "modeling_tiny.py": b"x",
}
REPOSITORIES = {
    "org/tiny": HubRepository({**FILES, **NOT_NEEDED}, branches=("main", "v1.0")),
    "org/shards": HubRepository(shards()),
    "org/pickled": HubRepository(model(model_safetensors=None, pytorch_model_bin=b"x")),
    "org/private": HubRepository(FILES, token=TOKEN, error="RepoNotFound"),
    "org/gated": HubRepository(FILES, token=TOKEN),
    "org/data": HubRepository({"train.jsonl": b"{}"}),
    "org/large": HubRepository(model(model_safetensors=LARGE)),
    "org/unsteady": HubRepository(
        model(model_safetensors=HUGE),
        unreadable={
            "model.safetensors": Answer(
                HUGE,
                headers={"ETag": f'"{"a" * 40}"', "X-Repo-Commit": COMMIT},
                breaks_off_after=12_000_000,
            )
        },
    ),
    "org/lost": HubRepository(FILES, unreadable={"model.safetensors": Answer(status=404)}),
}


@dataclass(frozen=True)
class Hub:
    """The adapter, with the Hub's server in its environment."""

    server: RunningServer
    workspace: Workspace
    environment: dict[str, str]

    def with_environment(self, **variables: str) -> "Hub":
        return replace(self, environment={**self.environment, **variables})

    def fetch(self, base_model: str, said: list[str] | None = None, **settings: object) -> Path:
        sources = ModelSources(self.workspace, environment=self.environment)
        recipe = BaseModelRecipe.model_validate({"base_model": base_model, **settings})
        return sources.find(recipe).fetch((said if said is not None else []).append)

    def downloads(self) -> list[str]:
        """The files that were asked for, whole or in part."""
        requests = [r for r in self.server.requests if r.method == "GET" and "/resolve/" in r.path]
        return [request.path.rpartition(f"{COMMIT}/")[2] for request in requests]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with hub_server(REPOSITORIES) as running:
        yield running


@pytest.fixture
def hub(server: RunningServer, workspace: Workspace) -> Hub:
    server.requests.clear()
    return Hub(server, workspace, {"HF_ENDPOINT": server.url})


def names(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("base_model", ["org/tiny", "hf://org/tiny@v1.0", f"org/tiny@{COMMIT}"])
def test_a_model_is_pinned_to_its_commit(hub: Hub, base_model: str) -> None:
    sources = ModelSources(hub.workspace, environment=hub.environment)

    found = sources.find(BaseModelRecipe(base_model=base_model))

    assert found.uri == f"hf://org/tiny@{COMMIT}"
    assert found.revision == f"commit:{COMMIT}"
    assert TOKEN not in repr(found)


def test_only_what_is_needed_is_downloaded(hub: Hub) -> None:
    directory = hub.fetch("org/tiny")

    assert names(directory) == {*FILES, "README.md"}
    assert sorted(hub.downloads()) == sorted([*FILES, "README.md"])
    assert all((directory / name).read_bytes() == content for name, content in FILES.items())
    assert ModelFiles().inspect(directory).weights_problem == ""


def test_every_shard_is_downloaded(hub: Hub) -> None:
    assert ModelFiles().inspect(hub.fetch("org/shards")).parameters == 22


def test_code_is_downloaded_where_it_is_trusted(hub: Hub) -> None:
    directory = hub.fetch("org/tiny", trust_remote_code=True)

    assert "modeling_tiny.py" in names(directory)


def test_pickled_weights_are_downloaded_where_there_are_no_others(hub: Hub) -> None:
    assert "pytorch_model.bin" in names(hub.fetch("org/pickled"))


def test_the_same_commit_is_not_downloaded_twice(hub: Hub) -> None:
    first = hub.fetch("org/tiny")
    before, said = len(hub.downloads()), list[str]()

    again = hub.fetch("org/tiny@v1.0", said)

    assert again == first
    assert len(hub.downloads()) == before
    assert said == ["Downloaded before: reused."]


def test_a_commit_in_the_cache_needs_no_network(hub: Hub) -> None:
    first = hub.fetch("org/tiny")
    hub.server.requests.clear()

    again = hub.fetch(f"org/tiny@{COMMIT}")

    assert again == first
    assert hub.server.requests == []


@pytest.mark.parametrize(
    "variables", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}]
)
def test_a_commit_that_another_tool_put_into_the_cache_can_be_used_offline(
    hub: Hub, variables: dict[str, str]
) -> None:
    first = hub.fetch("org/tiny")
    for listing in first.parents[1].glob("trees/*"):
        listing.unlink()

    assert hub.with_environment(**variables).fetch(f"org/tiny@{COMMIT}") == first


@pytest.mark.parametrize("base_model", ["org/tiny", f"org/other@{COMMIT}"])
def test_without_network_what_is_not_pinned_or_not_there_is_refused(
    hub: Hub, base_model: str
) -> None:
    hub.fetch("org/tiny")
    offline = hub.with_environment(HF_HUB_OFFLINE="1")

    with pytest.raises(SourceError, match=r"HF_HUB_OFFLINE is set\. .*org/name@COMMIT"):
        offline.fetch(base_model)


def test_a_hub_that_is_not_there_is_told(hub: Hub) -> None:
    away = hub.with_environment(HF_ENDPOINT="http://127.0.0.1:9")

    with pytest.raises(SourceError, match=r"org/tiny cannot be read: ConnectError\. .*HF_ENDPOINT"):
        away.fetch("org/tiny")


def test_an_incomplete_commit_is_completed(hub: Hub) -> None:
    directory = hub.fetch("org/tiny")
    (directory / "config.json").unlink()
    hub.server.requests.clear()

    hub.fetch(f"org/tiny@{COMMIT}")

    assert (directory / "config.json").is_file()
    assert "model.safetensors" not in hub.downloads()


@pytest.mark.parametrize("base_model", ["org/tiny", f"org/tiny@{COMMIT}"])
def test_a_file_that_was_cut_off_in_the_cache_is_downloaded_again(
    hub: Hub, base_model: str
) -> None:
    weights = hub.fetch("org/tiny") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    hub.server.requests.clear()

    hub.fetch(base_model)

    assert hub.downloads() == ["model.safetensors"]
    assert weights.read_bytes() == FILES["model.safetensors"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "workspace/_huggingface/hub"),
        ({"HF_HOME": "{tmp}/home"}, "home/hub"),
        ({"HF_HUB_CACHE": "{tmp}/cache", "HF_HOME": "{tmp}/home"}, "cache"),
    ],
)
def test_files_go_to_the_cache_that_the_environment_names(
    hub: Hub, tmp_path: Path, variables: dict[str, str], expected: str
) -> None:
    named = {name: text.format(tmp=tmp_path) for name, text in variables.items()}

    directory = hub.with_environment(**named).fetch("org/tiny")

    assert directory == tmp_path / expected / "models--org--tiny/snapshots" / COMMIT


@pytest.mark.parametrize("variable", ["HF_TOKEN", "MY_TOKEN"])
def test_the_token_of_the_named_variable_is_sent(hub: Hub, variable: str) -> None:
    hub.with_environment(**{variable: TOKEN}).fetch("org/private", hf_token=variable)

    assert {request.authorization for request in hub.server.requests} == {f"Bearer {TOKEN}"}


def test_no_token_is_sent_without_the_variable(hub: Hub) -> None:
    hub.with_environment(HF_TOKEN=" ", OTHER_TOKEN=TOKEN).fetch("org/tiny")

    assert {request.authorization for request in hub.server.requests} == {""}


@pytest.mark.parametrize(
    ("base_model", "expected_error", "expected_message"),
    [
        (
            "org/missing",
            SourceError,
            "hf://org/missing cannot be read: HTTP status 401. Check the ",
        ),
        ("org/tiny@nope", SourceError, "hf://org/tiny@nope cannot be read: HTTP status 404. Check"),
        ("org/private", SourceError, "HTTP status 403. Check the name and revision; if it is priv"),
        ("org/missing", SourceError, "A directory is named by its absolute path, or pvc://PATH"),
        ("org/gated", SourceError, "HTTP status 403. It is gated: ask for access on its page of"),
        ("org/gated", SourceError, "set HF_TOKEN to a token"),
        ("org/data", ModelError, "is no model: it has no config.json and no weights"),
        ("a--b/c", ConfigError, "hf://a--b/c is no name that the Hub allows"),
        ("org/lost", SourceError, f"hf://org/lost@{COMMIT} cannot be read: HTTP status 404"),
    ],
)
def test_a_model_that_cannot_be_had_is_told(
    hub: Hub, base_model: str, expected_error: type[Exception], expected_message: str
) -> None:
    wrong = hub.with_environment(HF_TOKEN="hf_wrong")  # noqa: S106

    with pytest.raises(expected_error) as refused:
        wrong.fetch(base_model)

    assert expected_message in str(refused.value)
    assert "hf_wrong" not in str(refused.value)


def test_a_download_that_breaks_off_goes_on_where_it_was(hub: Hub) -> None:
    directory = hub.fetch("org/unsteady")

    ranges = [r.range for r in hub.server.requests if r.path.endswith("safetensors") and r.range]
    assert (directory / "model.safetensors").read_bytes() == HUGE
    assert any(value.startswith("bytes=10485760-") for value in ranges)


def test_a_full_disk_is_told_and_whole_files_are_kept(hub: Hub) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(WorkspaceError, match=r"No room to write .*HF_HOME to a larger disk"):
            hub.fetch("org/large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    hub.server.requests.clear()

    directory = hub.fetch("org/large")

    assert hub.downloads() == ["model.safetensors"]
    assert (directory / "model.safetensors").read_bytes() == LARGE


def test_a_model_that_cannot_fit_is_refused_before_it_is_downloaded(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 100}))

    with pytest.raises(WorkspaceError, match=r"No room for 0\.0 GB in .*0\.0 GB are free"):
        hub.fetch("org/tiny")

    assert hub.downloads() == []


def test_the_bar_that_has_counted_most_bytes_tells_the_progress() -> None:
    done = list[int]()
    bar = progress_bar(done.append)  # type: ignore[arg-type]
    received, written, files = bar(unit="B"), bar(unit="B"), bar()

    received.update(5)
    written.update(3)
    files.update(100)
    received.update(4)

    assert done == [5, 5, 9]
