"""What models said to questions put by hand, side by side."""

from dataclasses import dataclass

from osft_assets.session.shown import Shown, table


@dataclass(frozen=True, repr=False)
class Answers(Shown):
    """What models said to questions put by hand. `tuned` is empty before the training."""

    questions: tuple[str, ...]
    base: tuple[str, ...]
    tuned: tuple[str, ...] = ()

    def _lines(self) -> list[str]:
        lines = []
        for number, question in enumerate(self.questions):
            lines += [question, f"  base:  {self.base[number]}"]
            lines += [f"  tuned: {self.tuned[number]}"] if self.tuned else []
        return lines

    def _parts(self) -> list[str]:
        columns = ("question", "base", "tuned") if self.tuned else ("question", "base")
        said = (
            (self.questions, self.base, self.tuned) if self.tuned else (self.questions, self.base)
        )
        return [table(columns, list(zip(*said, strict=True)))]
