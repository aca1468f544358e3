"""Which cluster the tests run on, and what they need to know of it.

Yours, where KUBECONFIG leads to one; else the one that `make cluster` brings up (debian/,
README.md). What is asked of it is in the tests.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.commands import ROOT

_ANSWERS_WITHIN_SECONDS = 10
_OWN = Path(os.environ.get("OSFT_CLUSTER_CACHE") or Path.home() / ".cache/osft-cluster")
OWN_KUBECONFIG = _OWN / "state/admin.kubeconfig"  # debian/settings.sh says the same


@dataclass(frozen=True)
class Cluster:
    """One that answers. `namespace` is of this session alone."""

    kubeconfig: Path
    namespace: str

    @property
    def is_ours(self) -> bool:
        """Whether it is the one that `make cluster` brings up, on this machine."""
        return self.kubeconfig == OWN_KUBECONFIG

    def image(self, role: str) -> str:
        """`control`, `trainer` or `postgresql`; on a cluster of yours, the environment says."""
        ours = {"postgresql": "localhost/osft-postgresql:15"}
        asked = os.environ.get(f"OSFT_CLUSTER_{role.upper()}_IMAGE")
        return asked or ours.get(role, f"localhost/osft-{role}:test")

    def api(self, name: str = "CoreV1Api") -> Any:
        """One of the API groups of the `kubernetes` client."""
        from kubernetes import client, config

        return getattr(client, name)(config.new_client_from_config(str(self.kubeconfig)))


def kubeconfig() -> Path:
    """Of a cluster that answers. Without one: skipped, or failed where OSFT_REQUIRE_CLUSTER=1."""
    asked = os.environ.get("KUBECONFIG", "")
    for path in (*([Path(asked)] if asked else []), OWN_KUBECONFIG):
        if answers(path):
            return path
    made = subprocess.run(["make", "cluster"], cwd=ROOT, capture_output=True, text=True)
    if made.returncode == 0:
        return OWN_KUBECONFIG
    why = f"there is no cluster: {made.stderr.strip()[-1500:]}"
    if os.environ.get("OSFT_REQUIRE_CLUSTER") == "1":
        pytest.fail(why)
    pytest.skip(why)


def answers(path: Path) -> bool:
    """Whether there is an API server behind it that lets us in."""
    from kubernetes import client, config
    from urllib3.exceptions import HTTPError

    if not path.is_file():
        return False
    try:
        api = client.VersionApi(config.new_client_from_config(str(path)))
        api.get_code(_request_timeout=_ANSWERS_WITHIN_SECONDS)
    except (HTTPError, OSError, client.ApiException, config.ConfigException):
        return False
    return True
