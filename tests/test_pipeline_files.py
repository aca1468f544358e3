"""The pipelines of an installation are found in a directory of its own."""

from pathlib import Path

from osft_assets.pipeline_facts import pipeline_names
from osft_assets.pipeline_files import own_pipelines_in

_FILE = """
type: osft_assets.component.FineTunePipeline
attributes:
  name: weekly
  algorithm: osft
"""


def test_each_file_is_found_once_where_kubernetes_mounts_a_config_map(tmp_path: Path) -> None:
    """The files are in a hidden directory; a hidden link leads there, and through it the names."""
    hidden = tmp_path / "..2026_11_22/weekly"
    hidden.mkdir(parents=True)
    (hidden / "defs.yaml").write_text(_FILE)
    (tmp_path / "..data").symlink_to("..2026_11_22")
    (tmp_path / "weekly").symlink_to("..data/weekly")

    assert pipeline_names(own_pipelines_in(tmp_path)) == ["weekly"]
