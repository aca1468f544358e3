"""The trackers that a training can log to, and the settings of each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tracker:
    """`place` turns it on; so does `variable`, which Training Hub reads by itself. `others` have no
    effect without `place`.
    """

    package: str
    place: str
    others: tuple[str, ...] = ()
    variable: str = ""


TRACKERS = (
    Tracker(
        "mlflow",
        "mlflow_tracking_uri",
        ("mlflow_experiment_name", "mlflow_run_name"),
        "MLFLOW_TRACKING_URI",
    ),
    Tracker("wandb", "wandb_project", ("wandb_entity", "wandb_run_name"), "WANDB_PROJECT"),
    Tracker("tensorboard", "tensorboard_log_dir"),
)
TRACKER_SETTINGS = tuple(name for one in TRACKERS for name in (one.place, *one.others))
