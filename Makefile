# `make` alone lists the targets. Only Python 3.11 or 3.12 and make are needed.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.setup-complete
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help setup lock demo dev test test-ui test-gpu cluster cluster-test check lint types imports format bench

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(SETUP) ## Make .venv with everything in it (a few minutes once, then nothing)

# torch comes first and with its dependencies: they differ between the CPU wheel (none) and the CUDA wheel
# (nvidia-*, triton), so the lock leaves them to torch. Everything else comes from the lock alone.
$(SETUP): requirements.lock pyproject.toml
	@echo "[1/4] virtual environment from $(PYTHON)"
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 12); sys.exit(None if ok else f"Python {sys.version.split()[0]} found, 3.11 or 3.12 needed. Run: make setup PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@echo "[2/4] torch (CPU or CUDA build, whichever pip finds)"
	@$(PIP) install --quiet --constraint requirements.lock torch
	@echo "[3/4] $$(grep -c '^[a-z]' requirements.lock) locked packages"
	@$(PIP) install --quiet --no-deps --requirement requirements.lock
	@echo "[4/4] osft-assets itself, in place"
	@$(PIP) install --quiet --no-deps --editable .
	@touch $@

lock: ## Refresh every pin in requirements.lock (uv runs from a throw-away environment)
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip --disable-pip-version-check install --quiet 'uv>=0.13.8'
	.uv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --all-extras --upgrade \
		--custom-compile-command "make lock" --output-file requirements.lock
	rm -rf .uv
