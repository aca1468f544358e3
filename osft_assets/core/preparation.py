"""Rows in, two checked files out: validate, remove duplicates, split, write, count.

One pass and constant memory but for 16 bytes of identity a row (about 75 in Python's set). The
rules are in `core.rows` and `core.splits`; where the rows come from is behind
`core.ports.DatasetSource`.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from osft_assets.core.errors import DatasetError, RowError
from osft_assets.core.ports import RowBatch
from osft_assets.core.recipes.dataset import DatasetRecipe
from osft_assets.core.records import Prepared, RowCounts, SplitFile
from osft_assets.core.rows import RowParser
from osft_assets.core.splits import ContentSplit, Side, rescued
from osft_assets.core.writer import SplitWriter

FILE_NAMES: dict[Side, str] = {"train": "train.jsonl", "holdout": "eval.jsonl"}
# How many bad rows an error lists, and of how many first rows the unused columns are looked up.
LISTED_PROBLEMS = 20
_COLUMNS_FROM_ROWS = 100

Report = Callable[[int, int], None]  # rows so far, bytes of the source so far


def prepare(
    batches: Iterable[RowBatch],
    recipe: DatasetRecipe,
    parser: RowParser,
    directory: Path,
    report: Report,
) -> Prepared:
    """Write both files into `directory`, or raise DatasetError; the caller clears it away then."""
    work = _Pass(recipe, parser, directory)
    with work.train, work.holdout:
        for batch in _first_rows(batches, recipe.subset):
            work.take(batch)
            report(work.read, batch.bytes_read)
    work.refuse_bad_rows()
    work.refuse_too_few()
    return work.result()


class _Pass:
    """The state of one pass over the rows."""

    def __init__(self, recipe: DatasetRecipe, parser: RowParser, directory: Path) -> None:
        self._recipe, self._parser, self._directory = recipe, parser, directory
        self._split = ContentSplit(recipe.data_split, recipe.split_seed)
        self._digests: set[int] = set()
        self.train, self.holdout = (SplitWriter(directory / name) for name in FILE_NAMES.values())
        self.read = self._invalid = self._duplicate = 0
        self._first_invalid: list[str] = []
        self._ignored_columns: set[str] = set()

    def take(self, batch: RowBatch) -> None:
        # The hot loop: local names, no calls that can be avoided.
        parse, digest_of, digests = self._parser.parse, self._split.digest, self._digests
        threshold = self._split.threshold
        to_train, to_holdout = self.train.lines.append, self.holdout.lines.append
        blank = duplicates = 0
        for index, raw in enumerate(batch.rows):
            if raw is None:
                blank += 1
                continue
            try:
                line = parse(raw)
            except RowError as problem:
                self._note_invalid(batch.place(index), problem)
                continue
            digest = digest_of(line)
            if digest in digests:
                duplicates += 1
                continue
            digests.add(digest)
            if digest < threshold:
                to_train(line)
            else:
                to_holdout(line)
        self._note_ignored_columns(batch)
        self.read += len(batch.rows) - blank
        self._duplicate += duplicates
        self.train.flush()
        self.holdout.flush()

    def _note_invalid(self, place: str, problem: RowError) -> None:
        self._invalid += 1
        if len(self._first_invalid) < LISTED_PROBLEMS:
            self._first_invalid.append(f"{place}: {problem}")

    def _note_ignored_columns(self, batch: RowBatch) -> None:
        if self.read < _COLUMNS_FROM_ROWS:
            rows = [row for row in batch.rows[:_COLUMNS_FROM_ROWS] if row is not None]
            self._ignored_columns.update(*map(self._parser.ignored_columns, rows))

    def refuse_bad_rows(self) -> None:
        if not self._invalid or (self._recipe.on_invalid == "skip" and self._invalid < self.read):
            return
        more = self._invalid - len(self._first_invalid)
        listed = [*self._first_invalid, *([f"... and {more:,} more"] if more else [])]
        remedy = "Mend them, or set on_invalid to skip."
        if self._invalid == self.read:
            remedy = "No row is good: check that they are what the pipeline is meant to read."
        lines = "".join(f"\n  {line}" for line in listed)
        raise DatasetError(f"{self._invalid:,} of {self.read:,} rows are invalid:{lines}\n{remedy}")

    def refuse_too_few(self) -> None:
        if not self.read:
            raise DatasetError("The source has no rows. Check the address and the files behind it.")
        if len(self._digests) < 2 and self._split.has_holdout:
            raise DatasetError(
                f"{len(self._digests)} different good rows in {self.read:,}: too few to train and "
                "to hold out. Give at least 2, or set data_split to 1 for no holdout."
            )

    def result(self) -> Prepared:
        files: dict[Side, SplitFile] = {"train": self.train.file, "holdout": self.holdout.file}
        lacking = next((side for side, file in files.items() if not file.rows), None)
        if lacking and self._split.has_holdout:
            files = self._rescue(lacking)
        return Prepared(
            counts=RowCounts(
                read=self.read,
                invalid=self._invalid,
                duplicate=self._duplicate,
                train=files["train"].rows,
                holdout=files["holdout"].rows,
            ),
            formats=self._formats(),
            ignored_columns=tuple(sorted(self._ignored_columns)),
            first_invalid=tuple(self._first_invalid),
            train=files["train"],
            holdout=files["holdout"],
        )

    def _rescue(self, lacking: Side) -> dict[Side, SplitFile]:
        """Move one row to the side that has none."""
        other: Side = "train" if lacking == "holdout" else "holdout"
        moved = rescued(self._digests, lacking)
        source = self._directory / FILE_NAMES[other]
        kept = source.with_suffix(".kept")
        with (
            source.open("rb") as stream,
            SplitWriter(self._directory / FILE_NAMES[lacking]) as gains,
            SplitWriter(kept) as keeps,
        ):
            for line in map(bytes.rstrip, stream):
                (gains if self._split.digest(line) == moved else keeps).add(line)
        kept.replace(source)
        return {lacking: gains.file, other: keeps.file.model_copy(update={"name": source.name})}

    def _formats(self) -> dict[str, int]:
        converted = dict(self._parser.shapes)
        plain = self.read - self._invalid - sum(converted.values())
        return ({self._parser.kind: plain} if plain else {}) | dict(sorted(converted.items()))


def _first_rows(batches: Iterable[RowBatch], subset: int) -> Iterator[RowBatch]:
    """The batches up to `subset` rows; all of them when it is 0."""
    left = subset
    for batch in batches:
        if subset == 0:
            yield batch
            continue
        rows, taken = [], 0
        for row in batch.rows:
            if taken == left:
                break
            taken += row is not None
            rows.append(row)
        left -= taken
        yield RowBatch(batch.file, batch.unit, batch.first, rows, batch.bytes_read)
        if left == 0:
            return
