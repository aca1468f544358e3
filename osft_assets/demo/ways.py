"""The ways to train that the demo compares, and at which rates.

Each is a pipeline of `osft_assets/defs/demo/defs.yaml`, and the file has its first rate. The rates
of the second table are the lowest at which a way learns 90 % of the new facts, of those that
`python -m benchmarks.forgetting sweep` tries (seed 0). What came of it is in docs/forgetting.md.
"""

from dataclasses import dataclass

SAME_RATE = 0.003
SECOND_RATE = 0.001  # at SAME_RATE the second step takes all room that the first one left
FIRST, SECOND = "demo", "demo_second"  # the steps of the chain


@dataclass(frozen=True)
class Way:
    """A way to train."""

    pipeline: str
    name: str
    own_rate: float
    only_own: bool = False  # a rival for its low rate; at the same rate it does what SFT does

    @property
    def rates(self) -> tuple[float, ...]:
        """Those to train at, its own last: the records that stay are about that."""
        return (
            (self.own_rate,) if self.only_own else tuple(dict.fromkeys((SAME_RATE, self.own_rate)))
        )


WAYS = (
    Way(FIRST, "OSFT, strict", SAME_RATE),
    Way("demo_sft", "SFT", 0.00025),
    Way("demo_sft_matrices", "SFT, matrices only", 0.00025, only_own=True),
    Way("demo_osft", "OSFT, mini-trainer's", 0.001),
)


@dataclass(frozen=True)
class Planned:
    """One run of the demo."""

    pipeline: str
    rate: float

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.pipeline}-{self.rate:g}"


def lanes(quick: bool) -> tuple[tuple[Planned, ...], ...]:
    """The runs, in rows that go on side by side, each in its order: a row for each way.

    The second step follows the way that it starts from. Four rows on two cores: a run waits for its
    disk and its children often enough, and no core is idle while the last run goes on.
    """
    rows = {way.pipeline: [Planned(way.pipeline, rate) for rate in way.rates] for way in WAYS}
    if quick:
        return tuple((rows[name][0],) for name in (FIRST, "demo_sft"))
    rows[FIRST].append(Planned(SECOND, SECOND_RATE))
    return tuple(map(tuple, rows.values()))
