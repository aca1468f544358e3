"""Looks at this machine for `osft-assets doctor`: quickly, and importing nothing heavy itself.

What a finding means is `osft_assets.core.diagnosis`.
"""

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path

import yaml
from packaging.requirements import Requirement

from osft_assets.core.diagnosis import Place, Torch

_TORCH_SECONDS = 60
_ASK_TORCH = """
import json, warnings
warnings.simplefilter("ignore")
import torch
gpus = []
for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
    one = torch.cuda.get_device_properties(number)
    gpus.append(f"{one.name}, {one.total_memory / 2**30:,.0f} GiB")
print(json.dumps({"version": torch.__version__, "cuda": torch.version.cuda or "", "gpus": gpus}))
"""


def find_torch() -> Torch:
    """Asked in a child process: importing torch takes seconds and hundreds of MB."""
    if find_spec("torch") is None:
        return Torch(problem="not installed")
    try:
        done = subprocess.run(
            [sys.executable, "-c", _ASK_TORCH],
            capture_output=True,
            text=True,
            timeout=_TORCH_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Torch(problem=f"import torch takes longer than {_TORCH_SECONDS} s")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Torch(problem=f"cannot be imported: {last}")
    told = json.loads(done.stdout.splitlines()[-1])
    return Torch(told["version"], told["cuda"], tuple(told["gpus"]), driver=_driver())


def _driver() -> str:
    """The version of the NVIDIA driver, as the kernel module tells it."""
    try:
        first = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8").splitlines()[0]
    except (OSError, IndexError):
        return ""
    return next((word for word in first.split() if word[:1].isdigit() and "." in word), "")


def find_accelerators() -> dict[str, bool]:
    """Whether the optional kernels are installed, by the names pip knows."""
    modules = {"flash-attn": "flash_attn", "liger-kernel": "liger_kernel"}
    return {name: find_spec(module) is not None for name, module in modules.items()}


def find_pins(extra: str) -> dict[str, str]:
    """The exact versions that our own package asks for with this extra."""
    try:
        asked = [Requirement(line) for line in requires("osft-assets") or []]
    except PackageNotFoundError:  # the code is on the path, but was never installed
        return {}
    ours = [one for one in asked if one.marker and one.marker.evaluate({"extra": extra})]
    pinned = [(one.name, str(one.specifier)) for one in ours]
    return {name: version[2:] for name, version in pinned if version.startswith("==")}


def try_place(root: Path) -> Place:
    """Whether the workspace takes files, symbolic links and locks."""
    existing = next(path for path in (root, *root.absolute().parents) if path.exists())
    try:
        lacks = _lacking(existing)
    except OSError as problem:
        return Place(str(root), problem=f"cannot be written: {problem.strerror}")
    free = shutil.disk_usage(existing).free
    return Place(str(root), _file_system(existing), free, lacks=lacks)


def _lacking(directory: Path) -> tuple[str, ...]:
    lacks = []
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=directory) as draft:
        file = Path(draft) / "file"
        file.write_bytes(b"x")
        try:
            (Path(draft) / "link").symlink_to(file)
        except OSError:
            lacks.append("symbolic links")
        try:
            with file.open() as opened:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lacks.append("flock")
    return tuple(lacks)


def _file_system(directory: Path) -> str:
    """Its kind, by the longest mount point above the directory."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "file system unknown"
    kinds = {Path(fields[1]): fields[2] for fields in map(str.split, mounts)}
    above = [path for path in (directory.resolve(), *directory.resolve().parents) if path in kinds]
    return kinds[above[0]] if above else "file system unknown"


def shared_memory_bytes() -> int | None:
    """How much /dev/shm holds."""
    place = Path("/dev/shm")  # noqa: S108 - only its size is asked
    return shutil.disk_usage(place).total if place.is_dir() else None


def read_dagster_home() -> tuple[str, str, int | None]:
    """DAGSTER_HOME, what is wrong with its dagster.yaml, and how many runs may use the GPU pool."""
    home = os.environ.get("DAGSTER_HOME", "")
    if not home:
        return "", "", None
    try:
        text = (Path(home) / "dagster.yaml").read_text(encoding="utf-8")
        pools = ((yaml.safe_load(text) or {}).get("concurrency") or {}).get("pools") or {}
    except FileNotFoundError:
        problem = "" if Path(home).is_dir() else "there is no such directory"
        return home, problem, None
    except (OSError, yaml.YAMLError, AttributeError):
        return home, "dagster.yaml cannot be read", None
    return home, "", pools.get("default_limit")


def try_local_registry(path: Path) -> tuple[str, str]:
    """Its file, and what is wrong with it; there is none before the first model is registered."""
    if not path.exists():
        return "", ""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as opened:
            opened.execute("SELECT name FROM sqlite_master").fetchall()
    except sqlite3.Error as problem:
        return str(path), str(problem)
    return str(path), ""
