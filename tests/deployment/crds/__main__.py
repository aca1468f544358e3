"""Writes the definitions for `kubectl apply -f -`: python -m tests.deployment.crds 2.3"""

import sys

import yaml

from tests.deployment.crds import KINDS, crd

yaml.safe_dump_all([crd(kind, sys.argv[1]) for kind in KINDS], sys.stdout)  # type: ignore[arg-type]
