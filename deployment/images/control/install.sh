#!/bin/sh
# Installs the control plane (web server, daemon, code server, runs, light steps) into a virtual environment.
#   install.sh VENV_DIR SOURCE_DIR        packages.txt names the Debian packages that must be there
#
# Called by the Dockerfile beside it and by tests/cluster/debian/images.sh, so that both images hold the same.
# No torch, no trainer: steps that compute run in another image. SOURCE_DIR is only read. A second call
# renews the project and keeps what is current.
set -eu
venv=$1
source=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)

# A build writes beside the source, so a copy is built.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r "$source/osft_assets" "$source/resources" "$copy/"
cp "$source/pyproject.toml" "$source/README.md" "$source/LICENSE" "$copy/"
find "$copy" -name __pycache__ -prune -exec rm -rf {} +

pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    pip uninstall --quiet --yes setuptools # an old one, for nobody: builds bring their own
fi
pip wheel --quiet --no-deps --wheel-dir "$copy/wheel" "$copy"
wheel=$(echo "$copy"/wheel/*.whl)
pip install --quiet --constraint "$source/requirements.lock" --requirement "$here/requirements.txt" \
    "${wheel}[kubernetes]"
# The version does not change with the source: pip takes what is there for current.
pip install --quiet --no-deps --force-reinstall "$wheel"
pip check
