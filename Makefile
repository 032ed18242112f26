# tidegauge: every target does the set-up that it needs and says so.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUNS ?= runs
PORT ?= 8431

.DEFAULT_GOAL := help
.PHONY: help setup python engine image quickstart llm test tasks-check calibrate lint bench ui clean

help:
	@echo "make setup       makes .venv from requirements.lock (1-3 minutes once; then instant)"
	@echo "make quickstart  set-up, then 8 checkpoints x 8 tasks x 4 worlds (4-6 minutes)"
	@echo "make llm         set-up, then SmolLM2-135M on this machine through all tasks (5-12 minutes)"
	@echo "make test        set-up, then all tests, real containers included (12-16 minutes)"
	@echo "make tasks-check every task's promises at all levels in five worlds (30-60 minutes)"
	@echo "make calibrate   the monitors' error rates, in real boxes (3-10 minutes)"
	@echo "make lint        ruff and mypy (under a minute)"
	@echo "make bench       whole episodes against plain containers (about 2 minutes; 4 with Inspect's)"
	@echo "make ui          the MLflow UI on the runs under $(RUNS)/"
	@echo "make clean       removes .venv, .venv-llm, .venv-harbor and caches; keeps $(RUNS)/"

setup: $(STAMP)
	@echo "setup: ready in $(VENV)"

$(STAMP): requirements.lock pyproject.toml
	@$(MAKE) --no-print-directory python
	@echo "setup: installing the locked packages into $(VENV) (1-3 minutes once)"
	@rm -f $@
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
	@echo "setup: done"

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "setup: needs Python 3.11 or later; say which: make setup PYTHON=python3.12" >&2; exit 1; }
	@if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "setup: installing python3-venv (apt-get)"; \
			apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; \
		else \
			echo "setup: Python's venv is missing; run: sudo apt-get install python3-venv" >&2; exit 1; \
		fi; \
	fi
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)

engine:
	@bash docker/engine.sh

image: setup engine
	@$(BIN)/python -Im sandbox.engine.image

quickstart: image
	@echo "quickstart: 256 episodes in real containers on Ray (4-6 minutes)"
	@$(BIN)/tidegauge run experiments/configs/quickstart.yaml --runs $(RUNS)

llm: image
	@echo "llm: a language model of 135 million parameters, on loopback, through all tasks (5-12 minutes)"
	@$(BIN)/python -Im experiments.llm --port $(PORT) --runs $(RUNS)

test: image
	@bash tests/tools.sh
	@echo "test: the whole suite, real containers included (12-16 minutes)"
	@$(BIN)/python -Im pytest

tasks-check: image
	@echo "tasks-check: the scripted agents of every task, at all levels, in five worlds (30-60 minutes)"
	@$(BIN)/tidegauge tasks check --worlds 5

calibrate: image
	@echo "calibrate: the labelled corpus in real boxes (3-10 minutes)"
	@$(BIN)/tidegauge calibrate --again

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: image
	@echo "bench: episodes against plain containers (about 2 minutes; 4 with Inspect's, see benchmarks/inspect_box.py)"
	@$(BIN)/python benchmarks/box.py

ui: setup
	@$(BIN)/tidegauge ui --runs $(RUNS)

clean:
	rm -rf $(VENV) .venv-llm .venv-harbor .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
