"""Datasets of the Hub, against a server with its API; the adapter runs in a child process."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from osft_assets.core.rows import RowParser
from tests.fakes import chat, chats, lines
from tests.resources.servers import Answer, HubRepository, RunningServer, hub_server
from tests.resources.test_row_files import parquet, table

ROOT = Path(__file__).parents[2]
COMMIT = "c0" * 20
UNASKED_TOKEN = "hf_token-of-somebody-else"  # noqa: S105
TOKEN = "hf_token-of-the-test"  # noqa: S105
SECRET = "s3cr3t-signature"  # noqa: S105
LARGE = [chat("x" * 2**20, str(number)) for number in range(20)]
MIXED = [chat("What?", "That."), chat("Who?", "You.", unmask=True, id=7)]
MIXED[0]["messages"][1]["reasoning_content"] = "Hm."


def card(*splits: str, config: str = "default", suffix: str = "jsonl") -> str:
    """The part of a dataset's card that says which file is which split."""
    files = "".join(
        f"  - split: {split}\n    path: {config}/{split}.{suffix}\n" for split in splits
    )
    return f"- config_name: {config}\n  data_files:\n{files}"


def repository(*cards: str, **files: bytes) -> HubRepository:
    readme = f"---\nlicense: mit\nconfigs:\n{''.join(cards)}---\n# About\n".encode()
    return HubRepository({"README.md": readme, **files})


def splits(*names: str) -> HubRepository:
    """A repository whose rows say which split they are of."""
    files = {f"default/{name}.jsonl": lines([chat("Which?", name)]) for name in names}
    return repository(card(*names), **files)


REPOSITORIES = {
    "plain": HubRepository({"train.jsonl": lines(chats(3))}),
    "org/chats": splits("test", "train", "train_sft"),
    "org/sft": splits("test", "train_gen", "train_sft"),
    "org/gen": splits("test", "training", "train_gen"),
    "org/training": splits("test", "training"),
    "org/other": splits("second", "first"),
    "org/configs": repository(
        card("train", config="one"),
        card("train", config="two"),
        **{f"{name}/train.jsonl": lines([chat("Which?", name)]) for name in ("one", "two")},
    ),
    "org/branches": HubRepository({"train.jsonl": lines(chats(3))}, branches=("main", "v1.0")),
    "org/private": HubRepository({"train.jsonl": lines(chats(3))}, token=TOKEN),
    "org/public": HubRepository({"train.jsonl": lines(chats(3))}),
    "org/public-too": HubRepository({"train.jsonl": lines(chats(3))}),
    "org/mixed": HubRepository({"train.jsonl": lines(MIXED)}),
    "org/mixed-parquet": HubRepository({"train.parquet": parquet(MIXED)}),
    "org/shards": HubRepository(
        {
            "data/train-00001.jsonl": b"\n" + lines(chats(3, start=3)),
            "data/train-00000.jsonl": lines(chats(3)),
            "data/test-00000.jsonl": lines(chats(1, start=100)),
        }
    ),
    "org/csv": HubRepository(
        {
            "train.csv": table(
                [{"instruction": "Add", "output": "Two"}, {"instruction": "Sub", "output": "One"}]
            )
        }
    ),
    "org/text": HubRepository({"train.txt": b"one\ntwo\n"}),
    "org/script": HubRepository({"script.py": b"import datasets\n", "README.md": b"# Empty\n"}),
    "org/empty": HubRepository({"README.md": b"# Empty\n"}),
    "org/bad-card": HubRepository(
        {"README.md": b"---\nconfigs: [\n---\n", "train.jsonl": lines(chats(3))}
    ),
    "org/bad-row": HubRepository({"train.jsonl": lines(chats(1)) + b"{oops\n"}),
    "org/lost": HubRepository(
        {"train.jsonl": lines(chats(3))}, unreadable={"train.jsonl": Answer(status=404)}
    ),
    "org/signed": HubRepository(
        {"train.jsonl": lines(chats(3))},
        unreadable={
            "train.jsonl": Answer(
                status=302, headers={"Location": f"/stored?X-Amz-Signature={SECRET}"}
            )
        },
    ),
    "org/gzip": HubRepository({"train.jsonl.gz": gzip.compress(lines(chats(3)))}),
    "org/large": HubRepository({"train.jsonl": lines(LARGE)}),
}


@dataclass
class Asked:
    """What the adapter answered, and the requests that it sent."""

    answer: dict[str, Any]
    authorizations: set[str]
    paths: list[str]


class Child:
    """The process with the adapter in it."""

    def __init__(self, server: RunningServer, home: Path) -> None:
        self.server = server
        (home / "token").write_text(UNASKED_TOKEN)  # as `hf auth login` leaves it
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
            "HF_ENDPOINT": server.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            # None of these may be used: not what is lying about, nor any other machine.
            "HF_TOKEN": UNASKED_TOKEN,
            "HTTPS_PROXY": "http://127.0.0.1:1",
            "HTTP_PROXY": "http://127.0.0.1:1",
            "NO_PROXY": "127.0.0.1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.resources.hub_child"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(
        self, data_uri: str, environment: dict[str, str] | None = None, **settings: str
    ) -> Asked:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        before = len(self.server.requests)
        case = {"recipe": {"data_uri": data_uri, **settings}, "environment": environment or {}}
        print(json.dumps(case), file=self.process.stdin, flush=True)  # noqa: T201
        answer = json.loads(self.process.stdout.readline())
        requests = self.server.requests[before:]
        return Asked(
            answer,
            {request.authorization for request in requests},
            [request.path for request in requests],
        )

    def stop(self) -> None:
        self.process.communicate(timeout=30)


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    with hub_server(REPOSITORIES) as server:
        running = Child(server, tmp_path_factory.mktemp("huggingface"))
        try:
            yield running
        finally:
            running.stop()


def canonical(rows: list[dict[str, Any]]) -> list[str]:
    return [RowParser().parse(row).decode() for row in rows]


@pytest.mark.parametrize("data_uri", ["hf://org/public", "org/public"])
def test_a_dataset_is_found_by_its_name(child: Child, data_uri: str) -> None:
    answer = child.ask(data_uri).answer

    assert answer["rows"] == canonical(chats(3))
    assert answer["size_bytes"] == len(lines(chats(3)))
    assert answer["bytes_read"][-1] == answer["size_bytes"]


def test_the_record_names_the_commit_the_split_and_the_files(child: Child) -> None:
    answer = child.ask("org/chats").answer

    assert answer["record"] == {
        "uri": f"hf://org/chats@{COMMIT}",
        "revision": f"commit:{COMMIT}/default/train",
        "files": ["default/train.jsonl"],
        "skipped": [],
    }


@pytest.mark.parametrize("revision", ["v1.0", "main", COMMIT])
def test_a_branch_is_pinned_to_its_commit(child: Child, revision: str) -> None:
    asked = child.ask(f"hf://org/branches@{revision}")

    assert asked.answer["record"]["uri"] == f"hf://org/branches@{COMMIT}"
    assert asked.answer["rows"] == canonical(chats(3))
    assert asked.paths[0].endswith(f"/revision/{revision}")
    assert all(COMMIT in path for path in asked.paths[1:])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("org/chats", "train"),
        ("org/sft", "train_sft"),
        ("org/gen", "train_gen"),
        ("org/training", "training"),
        ("org/other", "second"),
    ],
)
def test_without_a_split_the_nearest_thing_to_train_is_read(
    child: Child, name: str, expected: str
) -> None:
    answer = child.ask(name).answer

    assert answer["rows"] == canonical([chat("Which?", expected)])
    assert answer["record"]["revision"].endswith(f"/{expected}")


def test_the_split_that_is_asked_for_is_read(child: Child) -> None:
    answer = child.ask("org/chats", split="test").answer

    assert answer["rows"] == canonical([chat("Which?", "test")])


@pytest.mark.parametrize("config", ["one", "two"])
def test_the_configuration_that_is_asked_for_is_read(child: Child, config: str) -> None:
    answer = child.ask(f"hf://org/configs:{config}").answer

    assert answer["rows"] == canonical([chat("Which?", config)])
    assert answer["record"]["uri"] == f"hf://org/configs:{config}@{COMMIT}"


def test_the_shards_of_a_split_are_one_dataset_with_their_own_lines(child: Child) -> None:
    answer = child.ask("org/shards").answer

    assert answer["record"]["files"] == ["data/train-00000.jsonl", "data/train-00001.jsonl"]
    assert answer["rows"] == canonical(chats(6))
    assert answer["places"][3] == "data/train-00001.jsonl line 2"


@pytest.mark.parametrize("name", ["org/mixed", "org/mixed-parquet"])
def test_rows_with_different_keys_are_read(child: Child, name: str) -> None:
    answer = child.ask(name).answer

    assert answer["rows"] == canonical(MIXED)


def test_a_compressed_file_is_read(child: Child) -> None:
    answer = child.ask("org/gzip").answer

    assert answer["rows"] == canonical(chats(3))
    assert answer["record"]["files"] == ["train.jsonl.gz"]


def test_a_large_file_is_fetched_in_blocks(child: Child) -> None:
    before = len(child.server.requests)

    answer = child.ask("org/large").answer

    ranges = {request.range for request in child.server.requests[before:]} - {""}
    assert answer["rows"] == canonical(LARGE)
    assert len(ranges) > 1


def test_csv_comes_through_the_datasets_library(child: Child) -> None:
    answer = child.ask("org/csv").answer

    expected = [chat("Add", "Two"), chat("Sub", "One")]
    assert answer["rows"] == canonical(expected)
    assert answer["record"]["files"] == ["train.csv"]
    assert answer["places"][1] == "hf://org/csv row 2"


def test_text_comes_through_the_datasets_library(child: Child) -> None:
    answer = child.ask("org/text").answer

    assert answer["rows"] == ['{"document":"one"}', '{"document":"two"}']


@pytest.mark.parametrize(
    ("data_uri", "split", "expected_error", "expected_message"),
    [
        ("org/chats", "nope", "ConfigError",
         "hf://org/chats has no split 'nope'. It has: test, train, train_sft. Set split"),
        ("org/chats:nope", "", "ConfigError", "hf://org/chats:nope: "),
        ("org/chats:nope", "", "ConfigError", "'default'"),
        ("org/configs", "", "ConfigError", "'one', 'two'"),
        ("org/missing", "", "SourceError", "hf://org/missing cannot be read: HTTP status 401"),
        ("org/chats@nope", "", "SourceError", "HTTP status 404. Check the name and revision"),
        ("org/private", "", "SourceError", "if it is private or gated, set HF_TOKEN"),
        ("org/empty", "", "SourceError", "hf://org/empty "),
        ("org/empty", "", "SourceError", "data files"),
        ("org/script", "", "SourceError", "hf://org/script "),
        ("org/bad-card", "", "SourceError", "hf://org/bad-card "),
        ("org/bad-row", "", "RowError", "malformed JSON"),
        ("org/lost", "", "SourceError", "hf://org/lost"),
        ("org/signed", "", "SourceError", "hf://org/signed train.jsonl cannot be read: "),
        ("plain", "", "ConfigError", "hf://plain"),
        ("a--b/c", "", "ConfigError", "a--b/c"),
    ],
)  # fmt: skip
def test_a_dataset_that_cannot_be_read_is_told(
    child: Child, data_uri: str, split: str, expected_error: str, expected_message: str
) -> None:
    answer = child.ask(data_uri, split=split).answer

    assert answer.get("error") == expected_error
    assert expected_message in answer["message"]


@pytest.mark.parametrize("variable", ["HF_TOKEN", "MY_TOKEN"])
def test_the_token_of_the_named_variable_is_sent(child: Child, variable: str) -> None:
    asked = child.ask("org/private", {variable: TOKEN}, hf_token=variable)

    assert asked.answer["rows"] == canonical(chats(3))
    assert asked.authorizations == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("name", ["org/public", "org/csv"])
@pytest.mark.parametrize("environment", [{}, {"HF_TOKEN": ""}, {"OTHER_TOKEN": TOKEN}])
def test_no_token_is_sent_without_the_variable(
    child: Child, environment: dict[str, str], name: str
) -> None:
    asked = child.ask(name, environment)

    assert len(asked.answer["rows"]) > 1
    assert asked.authorizations == {""}


def test_a_token_is_shown_nowhere(child: Child) -> None:
    answer = child.ask("org/private", {"HF_TOKEN": TOKEN}).answer

    assert TOKEN not in json.dumps(answer)


def test_a_signed_address_that_the_hub_redirects_to_is_shown_nowhere(child: Child) -> None:
    asked = child.ask("org/signed")

    assert any(SECRET in path for path in asked.paths)
    assert SECRET not in json.dumps(asked.answer)


def test_a_hub_that_is_not_there_is_told(tmp_path: Path) -> None:
    with hub_server({}) as server:
        child = Child(server, tmp_path)

    try:
        answer = child.ask("org/chats").answer
    finally:
        child.stop()

    assert answer.get("error") == "SourceError"
    assert "Check the network" in answer["message"]
