"""What docs/python.md tells works as it stands, with fakes instead of a GPU."""

import re
from pathlib import Path
from typing import Any

import pytest

import osft_assets.session
from osft_assets.core.ports import TrainingWatch
from osft_assets.core.training_job import STEPS_FILE, TrainingJob, TrainingOutcome
from osft_assets.core.workspace import Workspace
from tests.commands import ROOT
from tests.fakes import FakeEvaluator, FakeTrainer, chats, fake_resources, lines

PAGE = (ROOT / "docs/python.md").read_text()


class TrainerWithSteps(FakeTrainer):
    """Whose table of steps can be read."""

    def train(self, job: TrainingJob, watch: TrainingWatch) -> TrainingOutcome:
        import pandas

        outcome = super().train(job, watch)
        steps = pandas.DataFrame({"step": [1, 2, 3, 4], "loss": self.losses})
        steps.to_parquet(Path(job.directory) / STEPS_FILE)
        return outcome


@pytest.mark.filterwarnings("ignore:Parameter `execution_type`")  # Dagster's, about itself
def test_the_examples_run(
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fakes = fake_resources(workspace)
    unknown = ("workspace", "dataset_source", "evaluator", "trainer")
    kept = {name: value for name, value in fakes.items() if name not in unknown}

    class WithFakes(osft_assets.session.FineTuning):
        def __init__(self, name: str, **given: Any) -> None:
            real = kept | {"trainer": TrainerWithSteps(), "evaluator": FakeEvaluator()}
            super().__init__(name, workspace=workspace.root, resources=real, **given)

    monkeypatch.setattr(osft_assets.session, "FineTuning", WithFakes)
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_bytes(lines(chats(50)))
    Path("more.jsonl").write_bytes(lines(chats(50, start=50)))
    Path("broken.jsonl").write_text('{"messages": [{"role": "bot", "content": "hi"}]}\n')
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    page: dict[str, Any] = {}

    for block in blocks:
        exec(block, page)

    said = capsys.readouterr().out
    assert len(blocks) == 4
    assert page["entry"].version == "1.0.0"
    assert "broken.jsonl line 1: " in said
    assert "improved" in said


def test_the_page_names_every_step_and_what_results_have() -> None:
    steps = re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE)

    public = {name for name in vars(osft_assets.session.FineTuning) if not name.startswith("_")}
    assert public - {"from_yaml"} == set(steps)
    kinds = ("Data", "Checkpoint", "Report", "Entry", "Answers")
    for kind, row in zip(kinds, re.findall(r"^\| `\w+\(.*", PAGE, re.MULTILINE), strict=True):
        made = getattr(osft_assets.session, kind)
        told = re.findall(r"`(\w+)[^`]*`", row.rsplit("|", 2)[1])
        known = {*dir(made), *made.__dataclass_fields__}
        assert [name for name in told if name not in known] == []
