"""What stands in the way of a training here: a verdict on each thing that was looked at.

Judgement only. Looking is `resources.diagnosis_probes`; printing, `osft_assets.commands.doctor`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["ok", "warn", "FAIL"]

_GIB = 2**30
_LITTLE_DISK_GIB, _NO_DISK_GIB = 20.0, 2.0
_LITTLE_SHARED_MEMORY_GIB = 1.0
TOKENS = {
    "HF_TOKEN": "private data and models of the Hugging Face Hub",
    "AWS_ACCESS_KEY_ID": "s3:// addresses",
    "AWS_SECRET_ACCESS_KEY": "s3:// addresses",
    "AWS_PROFILE": "s3:// addresses",
    "OCI_PULL_SECRET_MODEL_DOWNLOAD": "oci:// models",
    "OCI_PUSH_SECRET": "publish_to: oci://",
    "MODEL_REGISTRY_TOKEN": "an https registry",
}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor. `remedy` is what to do, when it is not ok."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Torch:
    """What a child process says of torch; `problem` when it could not be imported."""

    version: str = ""
    cuda: str = ""  # that it was built for; empty = a CPU build
    gpus: tuple[str, ...] = ()
    problem: str = ""
    driver: str = ""  # of the NVIDIA driver, when there is one


@dataclass(frozen=True)
class Place:
    """A directory, as it was tried out. `problem` when nothing can be written there."""

    path: str
    file_system: str = ""
    free_bytes: int = 0
    problem: str = ""
    lacks: tuple[str, ...] = field(default=())


def can_train(findings: Sequence[Finding]) -> bool:
    """Nothing fails that training needs."""
    return all(finding.verdict != "FAIL" for finding in findings)


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """For scripts."""
    return {"can_train": can_train(findings), "findings": [asdict(one) for one in findings]}


def judge_python(version: tuple[int, int, int]) -> Finding:
    """Training Hub's trainers run on 3.11 and 3.12."""
    told = ".".join(map(str, version))
    if (3, 11) <= version[:2] < (3, 13):
        return Finding("Python", "ok", told)
    return Finding("Python", "FAIL", told, "Make a virtual environment with Python 3.11 or 3.12")


def judge_torch(torch: Torch) -> Finding:
    """Which device training will use, or why there is none."""
    if torch.problem:
        return Finding("torch", "FAIL", torch.problem, "pip install 'osft-assets[train]'")
    build = f"{torch.version}, built for CUDA {torch.cuda}" if torch.cuda else torch.version
    if torch.gpus:
        return Finding("torch", "ok", f"{build}; {'; '.join(torch.gpus)}")
    if torch.driver and not torch.cuda:
        return Finding(
            "torch",
            "warn",
            f"{build} is a CPU build, and there is an NVIDIA driver {torch.driver}",
            "Install torch from PyPI to train on the GPU",
        )
    if torch.driver:
        return Finding(
            "torch",
            "warn",
            f"{build} finds no GPU, though there is an NVIDIA driver {torch.driver}",
            f"Update the driver to one for CUDA {torch.cuda}, or look at CUDA_VISIBLE_DEVICES and "
            "at how the container was started (--gpus all)",
        )
    return Finding("torch", "ok", f"{build}; no GPU: training runs on the CPU, in one process")


def judge_accelerators(found: Mapping[str, bool], has_gpu: bool) -> list[Finding]:
    """What is faster on a GPU with it, and works without."""
    return [
        Finding(name, "ok", "installed" if there else "not installed; only for GPUs")
        if there or not has_gpu
        else Finding(name, "warn", "not installed", f"pip install {name}: training is faster")
        for name, there in found.items()
    ]


def judge_versions(
    installed: Mapping[str, str], pinned: Mapping[str, str], needed: Sequence[str]
) -> list[Finding]:
    """Against the versions whose insides our entry scripts run."""
    return [
        _version(name, installed.get(name), version, name in needed)
        for name, version in pinned.items()
    ]


def _version(name: str, installed: str | None, pinned: str, is_needed: bool) -> Finding:
    if installed is None:
        remedy = f"pip install 'osft-assets[{'train' if is_needed else 'eval'}]'"
        return Finding(name, "FAIL" if is_needed else "warn", "not installed", remedy)
    if installed != pinned:
        told = f"{installed}, tested with {pinned}"
        return Finding(name, "warn", told, f"pip install {name}=={pinned}")
    return Finding(name, "ok", installed)


def judge_workspace(place: Place) -> list[Finding]:
    """Whether results can be kept there."""
    where = f"{place.path} ({place.file_system})"
    if place.problem:
        remedy = "Set OSFT_WORKSPACE to a directory you may write to"
        return [Finding("workspace", "FAIL", f"{place.path}: {place.problem}", remedy)]
    if place.lacks:
        return [
            Finding(
                "workspace",
                "FAIL",
                f"{where} has no {' and no '.join(place.lacks)}",
                "Set OSFT_WORKSPACE to a disk or NFS: a bucket mount will not do",
            )
        ]
    free = place.free_bytes / _GIB
    verdict: Verdict = "ok" if free >= _LITTLE_DISK_GIB else "warn"
    verdict = "FAIL" if free < _NO_DISK_GIB else verdict
    remedy = "" if verdict == "ok" else "osft-assets prune --delete, or a larger OSFT_WORKSPACE"
    space = Finding("disk", verdict, f"{free:,.1f} GiB free in {place.path}", remedy)
    return [Finding("workspace", "ok", where), space]


def judge_shared_memory(free_bytes: int | None, has_gpu: bool) -> Finding:
    """/dev/shm, that several GPUs of one machine talk through."""
    if free_bytes is None:
        return Finding("/dev/shm", "ok", "not there; only several GPUs need it")
    gib = free_bytes / _GIB
    if has_gpu and gib < _LITTLE_SHARED_MEMORY_GIB:
        remedy = "Start the container with --ipc=host or --shm-size=16g"
        return Finding("/dev/shm", "warn", f"{gib:,.2f} GiB", remedy)
    return Finding("/dev/shm", "ok", f"{gib:,.2f} GiB")


def judge_dagster_home(home: str, problem: str, pool_limit: int | None) -> Finding:
    """Where runs are kept."""
    if not home:
        return Finding(
            "DAGSTER_HOME",
            "warn",
            "not set: runs are not kept, and the UI does not show them",
            "export DAGSTER_HOME to a directory with deployment/dagster.local.yaml as dagster.yaml",
        )
    if problem:
        return Finding("DAGSTER_HOME", "FAIL", f"{home}: {problem}", "Mend or remove that file")
    if pool_limit is None:
        return Finding(
            "DAGSTER_HOME",
            "warn",
            f"{home}: several runs may compute at the same time",
            "Set concurrency.pools.default_limit: 1, as deployment/dagster.local.yaml does",
        )
    return Finding("DAGSTER_HOME", "ok", f"{home}; {pool_limit} run(s) may compute at a time")


def judge_tokens(is_set: Mapping[str, bool]) -> list[Finding]:
    """By name. What they hold is nobody's business."""
    return [
        Finding(name, "ok", "set" if is_set[name] else f"not set; only for {TOKENS[name]}")
        for name in TOKENS
    ]


def judge_local_registry(path: str, problem: str) -> Finding:
    """The file that models are registered in by default."""
    name = "registry: the local registry"
    if problem:
        return Finding(name, "FAIL", f"{path}: {problem}", "Restore that file from a backup")
    return Finding(name, "ok", path or "empty: nothing was registered yet")
