"""The only wiring: which pipelines there are, and who plays which role.

The settings of an installation come from the environment, read here and nowhere else:
OSFT_WORKSPACE, the directory everything is written to (default: ./workspace);
OSFT_WORKSPACE_URI, what other machines call it, such as pvc://claim/path;
OSFT_DEFS, a directory with pipelines beside those in `defs/`: NAME/defs.yaml each;
OSFT_CONFINE_INPUTS=1, read no files outside it;
OSFT_GIT_COMMIT, the commit of the code, where there is no git checkout;
OSFT_FAILURE_WEBHOOK, an address that is told of failed runs;
OSFT_UI_URL, where people reach the UI, for links to it;
OSFT_EXECUTOR, where the steps of a run are: multiprocess (the default), in_process or k8s;
OSFT_TRAINER_IMAGE, with k8s the image of steps that compute (default: the code location's), and of
the pods of a TrainJob (default: the runtime's);
OSFT_TRAIN_JOBS=1, every training is a TrainJob of Kubeflow Trainer, in the cluster that this pod is
in or the kubeconfig leads to; without it only those with pod.workers above 1 are, with k8s;
KUBERNETES_SERVER_URL, with KUBERNETES_AUTH_TOKEN and where needed KUBERNETES_CA_FILE: the same, in
the cluster at this address (the token is read by `resources.cluster_connection` alone);
OSFT_TRAIN_RUNTIME, the ClusterTrainingRuntime of TrainJobs (default: training-hub);
OSFT_NAMESPACE, where they are made (default: this pod's, or the kubeconfig's).
"""

import warnings
from pathlib import Path
from typing import Any

import dagster as dg

import osft_assets.defs
from osft_assets.beginnings import with_beginnings
from osft_assets.core.errors import ConfigError
from osft_assets.core.train_jobs.place import TrainJobPlace
from osft_assets.core.workspace import Workspace
from osft_assets.executor import EXECUTORS, local_executor
from osft_assets.failures import failure_sensor
from osft_assets.pipeline_files import own_pipelines_in, pipelines_in
from resources.dataset_sources import DatasetSources
from resources.evaluation_process import EvaluationProcess
from resources.git_commit import git_commit
from resources.model_inspector import ModelFiles
from resources.model_registry import Registries
from resources.model_sources import ModelSources
from resources.model_stores import ModelStores
from resources.prompt_process import PromptProcess
from resources.record_io import RecordIOManager
from resources.train_job_trainer import TrainJobTrainer
from resources.training_process import TrainingProcess
from resources.webhook import Webhook

# Dagster 1.13 warns of itself: it rebuilds the checks of components with a beta parameter, whenever
# a repository is made, so this cannot be limited to our own loading.
warnings.filterwarnings("ignore", "Parameter `execution_type` of function", dg.BetaWarning)


def build_defs(**overrides: Any) -> dg.Definitions:
    """Everything this code location serves; `overrides` replace resources, as tests do."""
    return with_resources(served_pipelines(), **overrides)


def with_resources(pipelines: dg.Definitions, **overrides: Any) -> dg.Definitions:
    """Pipelines, from files or from a session, and who plays which role in them."""
    here = Path(__file__).parent
    place: Workspace = overrides.get("workspace") or workspace()
    train_jobs = _train_job_place()
    in_pods = train_jobs.in_pod
    confined = _is_on("OSFT_CONFINE_INPUTS")
    resources = {
        "workspace": place,
        "dataset_source": DatasetSources(place, confined),
        "model_source": ModelSources(place, confined),
        "model_inspector": ModelFiles(),
        "trainer": TrainJobTrainer(place, TrainingProcess(in_pod=in_pods), train_jobs),
        "evaluator": EvaluationProcess(in_pod=in_pods),
        "prompter": PromptProcess(),
        "model_registry": Registries(place, is_shared=in_pods),
        "model_store": ModelStores(place),
        "failure_hook": Webhook(
            dg.EnvVar("OSFT_FAILURE_WEBHOOK").get_value("") or "", "OSFT_FAILURE_WEBHOOK"
        ),
        "git_commit": dg.EnvVar("OSFT_GIT_COMMIT").get_value("") or _asked_of_git(here),
        "io_manager": RecordIOManager(place),
    }
    return dg.Definitions.merge(
        pipelines,
        dg.Definitions(
            resources=resources | overrides,
            executor=_executor(train_jobs),
            sensors=[failure_sensor(dg.EnvVar("OSFT_UI_URL").get_value("") or "")],
        ),
    )


def _is_on(variable: str) -> bool:
    return dg.EnvVar(variable).get_value("") not in ("", "0", "false", None)


def _executor_name() -> str:
    name = dg.EnvVar("OSFT_EXECUTOR").get_value("") or "multiprocess"
    if name not in EXECUTORS:
        raise ConfigError(
            f"The environment variable OSFT_EXECUTOR is {name!r}. Set it to one of "
            f"{', '.join(EXECUTORS)}"
        )
    return name


def _train_job_place() -> TrainJobPlace:
    """Which trainings are TrainJobs, and of what."""
    is_given = bool(dg.EnvVar("KUBERNETES_SERVER_URL").get_value(""))
    return TrainJobPlace(
        always=is_given or _is_on("OSFT_TRAIN_JOBS"),
        in_pod=_executor_name() == "k8s",
        runtime=dg.EnvVar("OSFT_TRAIN_RUNTIME").get_value("") or TrainJobPlace.runtime,
        image=dg.EnvVar("OSFT_TRAINER_IMAGE").get_value("") or "",
        namespace=dg.EnvVar("OSFT_NAMESPACE").get_value("") or "",
    )


def _executor(train_jobs: TrainJobPlace) -> dg.ExecutorDefinition:
    """What runs the steps."""
    if not train_jobs.in_pod:
        return dg.in_process_executor if _executor_name() == "in_process" else local_executor
    try:
        from osft_assets.kubernetes.executor import kubernetes_executor
    except ModuleNotFoundError as problem:
        raise ConfigError(
            f"OSFT_EXECUTOR is k8s, but {problem.name} is not installed. Install "
            "osft-assets[kubernetes]"
        ) from None
    return kubernetes_executor(train_jobs)


def _asked_of_git(directory: Path) -> dg.ResourceDefinition:
    """The commit that is checked out, asked for by the step that wants it: not whenever we load."""
    return dg.ResourceDefinition(lambda _: git_commit(directory))


def served_pipelines(*more: Path) -> dg.Definitions:
    """Those that files define: ours in `defs/`, the installation's own, and those of `more`."""
    here = Path(__file__).parent
    own = [directory] if (directory := _own_directory()) else []
    return with_beginnings(
        dg.Definitions.merge(
            pipelines_in(osft_assets.defs, here / "defs", here.parent),
            *map(own_pipelines_in, [*own, *more]),
        )
    )


def _own_directory() -> Path | None:
    named = dg.EnvVar("OSFT_DEFS").get_value("")
    return Path(named).expanduser().absolute() if named else None


def directory_for_new_pipelines() -> Path:
    """The installation's own, or the `defs/` of a checkout: an update would empty a package's."""
    ours = Path(__file__).parent / "defs"
    directory = _own_directory() or ours
    if directory == ours and not (ours.parents[1] / "pyproject.toml").exists():
        raise ConfigError(
            f"This is an installed package ({ours.parent}), and no place for your files. Make a "
            "directory for your pipelines, and set OSFT_DEFS to it, for Dagster too"
        )
    return directory


def workspace() -> Workspace:
    """The directory everything is written to."""
    root = Path(dg.EnvVar("OSFT_WORKSPACE").get_value("") or "workspace")
    return Workspace(root, dg.EnvVar("OSFT_WORKSPACE_URI").get_value("") or "")


def registry() -> Registries:
    """The registries that pipelines name, and the local one in the workspace."""
    return Registries(workspace())


defs = build_defs()
