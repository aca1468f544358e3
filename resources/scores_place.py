"""Where the scores of one task by one model are, and whether they are all there."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from osft_assets.core.drafts import held
from osft_assets.core.errors import EvaluationError
from osft_assets.core.scores import DOCUMENTS_FILE, RESULTS_FILE, SAMPLES_FILE, read_scores


@dataclass(frozen=True)
class ScoresPlace:
    """Where the scores of one task are, or will be."""

    parent: Path
    name: str
    fingerprint: str
    with_texts: bool

    @property
    def directory(self) -> Path:
        """Another one without the texts: nobody finds samples there that were not to be kept."""
        texts = "" if self.with_texts else "-without-texts"
        return self.parent / f"{self.name}-{self.fingerprint}{texts}"

    def taken(self) -> AbstractContextManager[bool]:
        """Whether nobody else is at it; nobody is while the block runs."""
        self.parent.mkdir(parents=True, exist_ok=True)
        return held(self.directory.with_name(f".{self.directory.name}.lock"))

    @property
    def is_whole(self) -> bool:
        """Whether the scores are there, and all that belongs to them."""
        try:
            scores = read_scores(self.directory)
        except EvaluationError:
            return False
        files = (DOCUMENTS_FILE, RESULTS_FILE, *([SAMPLES_FILE] if self.with_texts else []))
        there = all((self.directory / name).is_file() for name in files)
        return there and scores.fingerprint == self.fingerprint
