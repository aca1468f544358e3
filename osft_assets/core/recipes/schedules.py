"""The schedules of the learning rate that OSFT can follow, and the numbers that each takes.

They are transformers' own: mini-trainer passes the name and the numbers on to its `get_scheduler`.
SFT's are fewer, and listed in `recipes.sft`.
"""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import BeforeValidator

_FOLLOW_A_METRIC = ("reduce_lr_on_plateau", "greedy")


def _needs_no_metric(name: object) -> object:
    if name in _FOLLOW_A_METRIC:
        raise ValueError(
            f"lr_scheduler {name} follows a metric after every step, and mini-trainer gives it "
            "none. Take another schedule"
        )
    return name


OsftSchedule = Annotated[
    Literal[
        "cosine",
        "linear",
        "cosine_with_restarts",
        "polynomial",
        "constant",
        "constant_with_warmup",
        "inverse_sqrt",
        "cosine_with_min_lr",
        "cosine_warmup_with_min_lr",
        "warmup_stable_decay",
    ],
    BeforeValidator(_needs_no_metric),
]
_LOWEST_RATE = ("min_lr", "min_lr_rate")
_TAKES: dict[str, tuple[str, ...]] = {
    "cosine": ("num_cycles",),
    "linear": (),
    "cosine_with_restarts": ("num_cycles",),
    "polynomial": ("lr_end", "power"),
    "constant": (),
    "constant_with_warmup": (),
    "inverse_sqrt": ("timescale",),
    "cosine_with_min_lr": ("num_cycles", *_LOWEST_RATE),
    "cosine_warmup_with_min_lr": ("num_cycles", *_LOWEST_RATE, "warmup_lr_rate"),
    "warmup_stable_decay": ("num_decay_steps", "num_stable_steps", "min_lr_ratio", "num_cycles"),
}
# Without it transformers fails, when the weights are loaded and decomposed already.
_NEEDS_ONE_OF = {
    "cosine_with_min_lr": _LOWEST_RATE,
    "cosine_warmup_with_min_lr": _LOWEST_RATE,
    "warmup_stable_decay": ("num_decay_steps",),
}


def refuse_wrong_numbers(schedule: str, given: Collection[str]) -> None:
    """Raise ValueError when lr_scheduler_kwargs is not what this schedule takes."""
    takes, needs = _TAKES[schedule], _NEEDS_ONE_OF.get(schedule, ())
    lost = [name for name in given if name not in takes]
    if lost:
        raise ValueError(
            f"lr_scheduler_kwargs has {lost[0]}, but {schedule} takes "
            f"{', '.join(takes) or 'nothing'}. Remove it"
        )
    if needs and sum(name in given for name in needs) != 1:
        raise ValueError(
            f"lr_scheduler {schedule} needs {' or '.join(needs)} in lr_scheduler_kwargs. Set "
            f"{'one of them' if len(needs) > 1 else 'it'}"
        )
