"""Where trainings become TrainJobs, and of what."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainJobPlace:
    """`always`: a cluster is given, and every training is a TrainJob there. `in_pod`: steps are
    pods, and a training over several of them is one.
    """

    always: bool
    in_pod: bool
    runtime: str = "training-hub"
    image: str = ""
    namespace: str = ""
