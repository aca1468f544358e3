"""The log of a training: everything in the file, the useful part in the ear."""

import time
from pathlib import Path

import pytest

from osft_assets.core.worker_log import OWN_PREFIX, WorkerLog, is_worth_saying


def logged(path: Path, *lines: str) -> list[str]:
    """What is said of these lines."""
    said: list[str] = []
    with WorkerLog(path, said.append) as log:
        for line in lines:
            log.line(line)
    return said


def test_the_file_holds_every_line(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "training.log"

    logged(path, "{", '  "step": 1,', "}", "ERROR: out of memory")

    assert path.read_text() == '{\n  "step": 1,\n}\nERROR: out of memory\n'


def test_a_line_is_in_the_file_before_the_next_one_comes(tmp_path: Path) -> None:
    """What was printed last is what explains a killed run."""
    with WorkerLog(tmp_path / "training.log", lambda _: None) as log:
        log.line("the last words")
        assert (tmp_path / "training.log").read_text() == "the last words\n"


def test_colours_are_taken_out(tmp_path: Path) -> None:
    said = logged(tmp_path / "training.log", "\x1b[1;31mERROR\x1b[0m it broke\x1b[?25h")

    assert said == ["ERROR it broke"]
    assert (tmp_path / "training.log").read_text() == "ERROR it broke\n"


def test_a_long_line_is_said_in_part_and_kept_whole(tmp_path: Path) -> None:
    line = "ERROR " + "x" * 10_000

    assert logged(tmp_path / "training.log", line) == [line[:500]]
    assert (tmp_path / "training.log").read_text() == f"{line}\n"


def test_a_line_that_is_no_unicode_is_kept(tmp_path: Path) -> None:
    logged(tmp_path / "training.log", "half a character: \udcc3")

    assert (tmp_path / "training.log").read_text() == "half a character: ?\n"


def test_lines_of_our_own_are_said_without_their_mark(tmp_path: Path) -> None:
    assert logged(tmp_path / "training.log", f"{OWN_PREFIX}four processes") == ["four processes"]


@pytest.mark.parametrize(
    "line",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
        "ValueError: no such model",
        "KeyboardInterrupt",
        "Traceback (most recent call last):",
        "[2026-01-02 10:00:00] WARNING rows were dropped",
        "Saving model at step 40 (hf_format/samples_320)",
    ],
)
def test_trouble_and_phases_are_said(line: str) -> None:
    assert is_worth_saying(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "},",
        '  "loss": 2.31,',
        "Epoch 0:  20%|██        | 4/20 [00:01<00:04,  3.2it/s]",
        "  ━━━━━━━━━╺━━━━━━━━━━  45%",
        "Epoch: 0, Step: 4, Rank: 0, loss = 2.3",
        "*****************************************",
        "Setting OMP_NUM_THREADS environment variable for each process to be 1 in default",
    ],
)
def test_steps_settings_and_banners_are_not_said(line: str) -> None:
    assert not is_worth_saying(line)


@pytest.mark.parametrize("line", ["1" * 200_000, "a." * 100_000, "word " * 40_000, "█" * 100_000])
def test_a_line_of_any_length_is_judged_at_once(line: str) -> None:
    start = time.monotonic()

    assert not is_worth_saying(line)

    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    "line",
    [
        "the pump shows ERROR 17, what now?<|im_end|>",
        "Original Input: WARNING: hot",
        "What does a ValueError mean?",
    ],
)
def test_rows_of_the_data_that_sound_like_trouble_are_not_said(line: str) -> None:
    assert not is_worth_saying(line)
