# `make` alone lists the targets. Only Python 3.11 or 3.12 and make are needed.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The first interpreter that runs and is of a version we support (a name on PATH may be an empty shim).
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do $$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.setup-complete
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Where runs are recorded, and where they write.
export DAGSTER_HOME ?= $(CURDIR)/.dagster
export OSFT_WORKSPACE ?= $(CURDIR)/workspace
PORT ?= 3000
PIPELINE ?= demo
# Files of tests that go on side by side. More than four gain little: some files take minutes alone.
TEST_PROCESSES ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n : 4)))

.PHONY: help setup demo run dev test test-ui test-gpu cluster cluster-down cluster-test check lint types imports \
	format docs bench lock

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(SETUP) ## Make .venv with everything in it (a few minutes once, then nothing)

# torch comes first and with its dependencies: they differ between the CPU wheel (none) and the CUDA wheel
# (nvidia-*, triton), so the lock leaves them to torch. Everything else comes from the lock alone.
$(SETUP): requirements.lock
	@$(PYTHON) -c '$(SUPPORTED)' || { echo "Python 3.11 or 3.12 is needed, and none was found. \
	Install one, or: make setup PYTHON=/path/to/python"; exit 1; }
	@echo "[1/4] virtual environment from $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)
	@echo "[2/4] torch (CPU or CUDA build, whichever pip finds)"
	@$(PIP) install --quiet --constraint requirements.lock torch
	@echo "[3/4] $$(grep -c '^[a-z]' requirements.lock) locked packages: a minute or two"
	@$(PIP) install --quiet --no-deps --requirement requirements.lock
	@echo "[4/4] osft-assets itself, in place"
	@$(PIP) install --quiet --no-deps --editable .
	@touch $@

demo: setup $(DAGSTER_HOME)/dagster.yaml ## Train a small model in four ways and compare them, on a CPU, offline
	$(BIN)/osft-assets demo

run: setup $(DAGSTER_HOME)/dagster.yaml ## Materialize a pipeline: make run PIPELINE=osft
	$(BIN)/osft-assets run $(PIPELINE)

dev: setup $(DAGSTER_HOME)/dagster.yaml ## Open the Dagster UI on http://localhost:3000 (PORT=... for another)
	$(BIN)/dagster dev -w workspace.yaml -p $(PORT)

# Only when there is none: a user's own settings are not touched.
$(DAGSTER_HOME)/dagster.yaml:
	@mkdir -p $(DAGSTER_HOME)
	@cp deployment/dagster.local.yaml $@

test: setup ## Run the tests, without those that need a browser or a cluster
	$(BIN)/python -m pytest -m "not ui and not cluster" -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

test-gpu: setup ## Run the tests that need a GPU, with their figures
	$(BIN)/python -m pytest -s -m gpu tests/gpu

test-ui: setup ## Drive the UI in Chromium (OSFT_SCREENSHOTS=docs/images takes the pictures of the docs)
	$(BIN)/python -m pytest -m ui tests/ui

cluster: ## Bring up a Kubernetes on this Debian 12 machine, as root, and the images for it
	tests/cluster/debian/binaries.sh
	tests/cluster/debian/up.sh
	tests/cluster/debian/images.sh

cluster-down: ## Take it down; what was built stays in ~/.cache/osft-cluster
	tests/cluster/debian/down.sh

cluster-test: setup ## Run the tests that need a Kubernetes: the one of KUBECONFIG, or make cluster's
	OSFT_REQUIRE_CLUSTER=1 $(BIN)/python -m pytest -m cluster tests/cluster

check: lint types imports test test-ui ## All that CI runs: lint, types, import contracts, tests, UI

lint: setup ## Style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Types
	$(BIN)/mypy

imports: setup ## Who may import what
	$(BIN)/lint-imports

format: setup ## Format, and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup ## Write the generated pages anew: docs/settings.md, docs/kubeflow.md
	$(BIN)/python -m osft_assets.settings_table docs/settings.md
	$(BIN)/python -m osft_assets.kubeflow_table docs/kubeflow.md

bench: setup ## Measure against other ways to do the same, as ratios (about 20 minutes)
	$(BIN)/python -m benchmarks.code_location
	$(BIN)/python -m benchmarks.dataset_stage
	$(BIN)/python -m benchmarks.training_stage
	$(BIN)/python -m benchmarks.evaluation_stage
	$(BIN)/python -m benchmarks.gate_error_rates

lock: ## Refresh every pin in requirements.lock
	$(PYTHON) -m venv --clear .uv  # uv runs from here and nowhere else
	.uv/bin/python -m pip --disable-pip-version-check install --quiet 'uv>=0.13.8'
	.uv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --all-extras --upgrade \
		--custom-compile-command "make lock" --output-file requirements.lock
	rm -rf .uv
