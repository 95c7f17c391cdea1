# One list of commands, the same for people and for CI. Needs Python 3.11 or newer, git, make, and the package registry.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PROTOS := $(wildcard proto/trunkline/wire/*.proto)
JOBS ?= 2
KILLS ?= 50

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup tutorial test lint bench bars postgres crash fuzz histories plans stores lock clean

help: ## Shows this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: $(READY) ## Makes .venv with pachctl and pachd in it

$(READY): requirements.lock pyproject.toml hatch_build.py $(PROTOS)
	@test -n "$(PYTHON)" || { echo "python3.11 is missing: install it, or give PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $(READY)

tutorial: setup ## Plays the tutorial and its sequel on a fresh home
	$(BIN)/python -m scripts.tutorial

test: setup lint ## Runs everything that must hold before a change lands
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

lint: setup ## Style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## Draws the cost curves, beside their peers (minutes)
	$(BIN)/python benchmarks/maps.py
	$(BIN)/python benchmarks/planner.py
	$(BIN)/python benchmarks/questions.py
	$(BIN)/python -m benchmarks.pfs
	$(BIN)/python -m benchmarks.pps

bars: setup ## Measures files and pipelines against their bars, with full sizes (an hour and more)
	$(BIN)/python -m benchmarks.pfs --full --results benchmarks/results
	$(BIN)/python -m benchmarks.pps --full --results benchmarks/results

postgres: setup ## Runs on PostgreSQL what `make test` runs on SQLite alone, and each change twice (minutes)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --catalogs postgresql \
	  tests/pps tests/model tests/compat tests/collect tests/client
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --catalogs repeated tests/pfs tests/api

crash: setup ## Kills pachd under load, KILLS=50 times on each catalog, and checks that nothing is lost (minutes)
	TRUNKLINE_KILLS=$(KILLS) $(BIN)/python -m pytest tests/crash -m crash -s --catalogs both

fuzz: setup ## Sends random requests to pachd, most of them bad (minutes; TRUNKLINE_SEED, TRUNKLINE_FUZZ)
	$(BIN)/python -m pytest tests/fuzz -m fuzz -s --catalogs both --timeout 3600

stores: setup ## Tests stores in buckets at length: Google Cloud Storage, Azure (fetched by go and npm), faults at each step
	$(BIN)/python -m scripts.stores
	$(BIN)/python -m pytest tests/objects tests/pachd -m stores --timeout 1800

histories: setup ## Plays a thousand random histories against the model (minutes; TRUNKLINE_SEED, TRUNKLINE_HISTORIES)
	$(BIN)/python -m pytest tests/model -m histories -n $(JOBS) --timeout 3600

plans: setup ## Plans ten thousand random inputs and histories, incrementally and from nothing (minutes; TRUNKLINE_SEED, TRUNKLINE_PLANS)
	$(BIN)/python -m pytest tests/pps/plan -m plans -n $(JOBS) --timeout 3600

lock: ## Resolves the dependencies anew (needs uv)
	uv pip compile pyproject.toml --group dev --generate-hashes --no-emit-index-url --no-header --universal \
	  --python-version 3.11 --quiet -o requirements.lock

clean: ## Removes what the other targets made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f src/trunkline/wire/*_pb2*.py src/trunkline/wire/*_pb2.pyi
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
