"""Many looks at a log make one log: nothing is lost, nothing comes twice."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from osft_assets.core.train_jobs.log_lines import LogLines

START = datetime(2026, 1, 1, tzinfo=UTC)


def line(seconds: float, text: str) -> str:
    return f"{START + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%f}123Z {text}\n"


def answer(log: list[tuple[float, str]], since: str) -> str:
    """What the API gives: whole seconds are compared."""
    start = (datetime.fromisoformat(since) - START).total_seconds() if since else -1.0
    return "".join(line(*each) for each in log if each[0] >= start)


@given(
    gaps=st.lists(
        st.tuples(st.sampled_from([0.0, 0.0001, 0.4, 1.0, 7.0]), st.sampled_from("ab")), max_size=30
    ),
    looks=st.lists(st.integers(0, 30), max_size=20),
)
def test_whenever_it_is_looked_at_each_line_comes_once(
    gaps: list[tuple[float, str]], looks: list[int]
) -> None:
    log: list[tuple[float, str]] = []
    seconds = 0.0
    for gap, text in gaps:
        seconds += gap
        log.append((seconds, text))
    lines, heard = LogLines(), list[str]()

    for end in [*sorted(min(look, len(log)) for look in looks), len(log)]:
        heard += lines.new(answer(log[:end], lines.since))

    assert heard == [text for _, text in log]


def test_a_line_that_another_stream_overtook_is_not_lost() -> None:
    lines = LogLines()
    first = lines.new(line(10.5, "error"))
    second = lines.new(line(10.2, "output") + line(10.5, "error"))

    assert (first, second) == (["error"], ["output"])


def test_a_line_that_was_cut_off_comes_whole_with_the_next_look() -> None:
    lines = LogLines()
    whole = line(1, "one") + line(2, "two and more")

    assert lines.new(whole[:-8]) == ["one"]
    assert lines.new(whole) == ["two and more"]


def test_the_last_line_needs_no_end() -> None:
    assert LogLines().new(line(1, "bye")[:-1], is_final=True) == ["bye"]


def test_a_progress_bar_is_many_lines() -> None:
    assert LogLines().new(line(1, "10%\r20%\r")) == ["10%", "20%"]
