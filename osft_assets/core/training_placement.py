"""On what a job trains: how many processes, on which device, with which kernels.

What was asked for on purpose is done or refused; what is merely a default bends to the machine, and
a note says so. The call that follows is `core.training_call`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.pod import PodRecipe
from osft_assets.core.recipes.training import TrainingRecipe
from osft_assets.core.training_job import WORKERS_OWN_VARIABLES, TrainingJob

_ON_ONE_MACHINE = ("gpu", "workers", "num_procs", "env_vars")
_ONLY_KUBERNETES = tuple(name for name in PodRecipe.model_fields if name not in _ON_ONE_MACHINE)


@dataclass(frozen=True)
class Machine:
    """What there is to train with. `has_flash_attention`: installed, and these GPUs can."""

    cuda_devices: int
    has_flash_attention: bool
    has_liger: bool


@dataclass(frozen=True)
class Placement:
    """`notes`: what differs from the settings, for the record."""

    processes: int
    on_cpu: bool
    flash_attention: bool
    use_liger: bool
    notes: tuple[str, ...]


def placed(job: TrainingJob, recipe: TrainingRecipe, machine: Machine) -> Placement:
    """Where it trains, or ConfigError."""
    refuse_what_needs_a_cluster(job)
    notes: list[str] = []
    on_cpu = machine.cuda_devices == 0 or job.gpu == 0
    processes = _one_process(job, notes) if on_cpu else _gpu_processes(job, machine, notes)
    use_liger = recipe.use_liger and _has_liger(job, machine, on_cpu, notes)
    flash = machine.has_flash_attention and not on_cpu
    if not flash and not on_cpu:
        notes.append(
            "flash-attn is not installed or does not know this GPU: attention is PyTorch's SDPA, "
            "slower and larger. When memory runs out, lower max_tokens_per_gpu"
        )
    return Placement(processes, on_cpu, flash, use_liger, tuple(notes))


def refuse_what_needs_a_cluster(job: TrainingJob) -> None:
    """Raise ConfigError for what no machine can give alone, whatever its devices."""
    lost = [name for name in _ONLY_KUBERNETES if name in job.asked]
    if lost and not has_pods(job):
        raise ConfigError(needs_kubernetes("pod", lost))
    ours = sorted(
        name for name in job.env_vars if name in WORKERS_OWN_VARIABLES or name.startswith("PET_")
    )
    if ours:
        raise ConfigError(
            f"pod.env_vars sets {', '.join(ours)}, which training sets for itself. Remove it"
        )
    if job.workers > 1 and job.is_spread and not wants_gpu(job.gpu, job.env_vars):
        raise ConfigError(
            f"pod.workers is {job.workers}, but the pods have no GPU: on CPUs training is one "
            "process. Set pod.workers: 1, or pod.gpu above 0"
        )
    if job.workers > 1 and "workers" in job.asked and not job.is_spread:
        raise ConfigError(
            f"pod.workers is {job.workers}, but training here is one pod. Several are a TrainJob: "
            "set OSFT_EXECUTOR=k8s, or KUBERNETES_SERVER_URL for a remote cluster. Or set "
            "pod.workers: 1"
        )


def has_pods(job: TrainingJob) -> bool:
    """Whether what the settings of the pod ask for is had."""
    return job.in_pod or job.is_spread


def needs_kubernetes(section: str, settings: Sequence[str]) -> str:
    """Why settings of a pod are refused where steps are no pods."""
    lost = [f"{section}.{name}" for name in settings]
    return f"{lost[0]} has no effect without Kubernetes. Remove {', '.join(lost)}"


def wants_gpu(gpu: int, env_vars: Mapping[str, str]) -> bool:
    """Whether a pod that sees no GPU is broken. Hiding them on purpose is for clusters to test."""
    return gpu > 0 and env_vars.get("CUDA_VISIBLE_DEVICES") != ""


def without_gpu(section: str, gpu: int) -> ConfigError:
    """A pod that was given GPUs and sees none: a quiet training on its CPU could take weeks."""
    return ConfigError(
        f"The pod has {section}.gpu: {gpu}, but PyTorch sees no CUDA device in it. Look whether "
        f"the image has a CUDA build of PyTorch that fits the node's driver and {section}."
        f"gpu_resource names NVIDIA GPUs, or set {section}.gpu: 0 to compute on the CPU"
    )


def _one_process(job: TrainingJob, notes: list[str]) -> int:
    if has_pods(job) and wants_gpu(job.gpu, job.env_vars):
        raise without_gpu("pod", job.gpu)
    if job.gpu > 0 and "gpu" in job.asked and not has_pods(job):
        raise ConfigError(
            f"pod.gpu is {job.gpu}, but there is no CUDA device here. Set pod.gpu: 0 to train on "
            "the CPU"
        )
    if job.num_procs not in ("auto", "1") and "num_procs" in job.asked:
        raise ConfigError(
            f"pod.num_procs is {job.num_procs}, but on a CPU training is one process. Set "
            "pod.num_procs: auto"
        )
    if job.gpu > 0:
        notes.append("there is no CUDA device here: trained on the CPU, in one process")
    return 1


def _gpu_processes(job: TrainingJob, machine: Machine, notes: list[str]) -> int:
    name = "gpu" if job.num_procs == "auto" else "num_procs"
    wanted = job.gpu if job.num_procs == "auto" else int(job.num_procs)
    if job.workers > 1 and not job.is_spread:
        notes.append(f"trained in one pod instead of {job.workers}: several are a TrainJob")
    if wanted <= machine.cuda_devices:
        return wanted
    # All pods of a TrainJob must have as many processes: one alone cannot make do with less.
    if job.is_spread or {"gpu", "num_procs"} & set(job.asked):
        raise ConfigError(
            f"pod.{name} is {wanted}, but there are {machine.cuda_devices} CUDA devices here. "
            f"Set pod.{name} to {machine.cuda_devices} or less"
        )
    notes.append(f"trained on {machine.cuda_devices} GPUs instead of {wanted}: there are no more")
    return machine.cuda_devices


def _has_liger(job: TrainingJob, machine: Machine, on_cpu: bool, notes: list[str]) -> bool:
    if on_cpu:
        notes.append("use_liger: not applicable on a CPU")
        return False
    if machine.has_liger:
        return True
    if "use_liger" in job.asked:
        raise ConfigError(
            "use_liger is true, but Liger kernels are not installed. pip install liger-kernel, or "
            "set use_liger: false"
        )
    notes.append("trained without Liger kernels, which are not installed: slower and larger")
    return False
