# Each target works alone on a fresh machine: it sets up what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix kill bench lock clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

$(VENV)/ready: requirements/dev.txt pyproject.toml scripts/setup
	@scripts/setup "$(PYTHON)" $(VENV)
	@touch $@

setup: $(VENV)/ready  ## make .venv with exactly what the lock file says

demo: $(VENV)/ready  ## ship a hotfix on a sample service
	@$(BIN)/pitstop demo --no-open

test: $(VENV)/ready  ## everything that CI runs
	@# -n: twice the cores, these tests wait more than they compute. What fails is run again,
	@# and named: a flaky test is to be mended, and is no reason to throw a day's work away.
	@$(BIN)/python -m pytest -n 4 --reruns 2 -r R

check: $(VENV)/ready  ## static checks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/ready  ## format, and mend what can be mended
	$(BIN)/ruff format src tests benchmarks
	$(BIN)/ruff check --fix src tests benchmarks

kill: $(VENV)/ready  ## SIGKILL before, inside and after every step, good and bad fixes (long)
	@PITSTOP_KILL_ALL=1 $(BIN)/python -m pytest tests/durability tests/cli/test_demo.py -n 4
	@$(BIN)/python tests/durability/outside.py --runs 50

bench: $(VENV)/ready  ## what pitstop is held to, as ratios (long)
	@$(BIN)/python -m benchmarks

lock: $(VENV)/ready  ## write requirements/*.txt anew
	@scripts/lock $(BIN)

clean:  ## remove what was made
	rm -rf $(VENV) build dist *.egg-info src/*.egg-info
