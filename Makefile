# One command each. Needs Python 3.11 or newer and make; everything else goes into $(VENV).
#
#   make demo     show and fit a three-level example on real data
#   make test     the test suite
#   make check    format, lint, types, import contracts, tests, documentation
#   make help     all of them

VENV   ?= .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
SPHINX := $(BIN)/python -m sphinx -W --keep-going -q

# One BLAS thread: the matrices are small, and threads that wait for one another are slower than one that works.
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1

EXAMPLE := examples/egsingle

.DEFAULT_GOAL := help
.PHONY: help setup demo test check check-all format lint types contracts docs golden bench build clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
	  while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

# ------------------------------------------------------------ the virtual environment

# The first interpreter of this list that is new enough makes it; PYTHON=.. overrides the search.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

$(STAMPS)/venv:
	@test -n "$(PYTHON)" || { echo "hdsl needs Python 3.11 or newer, and no python3 here is; install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make virtual environments (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/run: $(STAMPS)/venv pyproject.toml
	@echo "installing hdsl into $(VENV)"
	@$(PIP) install --editable '.[parquet]'
	@touch $@

$(STAMPS)/dev: $(STAMPS)/venv pyproject.toml
	@echo "installing hdsl and what its tests need into $(VENV)"
	@$(PIP) install --editable '.[dev]'
	@touch $@ $(STAMPS)/run

$(STAMPS)/docs: $(STAMPS)/venv pyproject.toml
	@echo "installing hdsl and what its documentation needs into $(VENV)"
	@$(PIP) install --editable '.[docs]'
	@touch $@

setup: $(STAMPS)/dev $(STAMPS)/docs  ## make the virtual environment with all development tools

# ------------------------------------------------------------ the two commands

demo: $(STAMPS)/run  ## show and fit a three-level example on real data
	@printf '\n$$ hdsl show %s/model.hm\n\n' $(EXAMPLE)
	@$(BIN)/hdsl show $(EXAMPLE)/model.hm
	@printf '\n$$ hdsl fit %s/model.hm %s\n\n' $(EXAMPLE) "$(wildcard $(EXAMPLE)/*.csv.gz)"
	@$(BIN)/hdsl fit $(EXAMPLE)/model.hm $(wildcard $(EXAMPLE)/*.csv.gz)

test: $(STAMPS)/dev  ## run the tests (all but the slow ones)
	@$(BIN)/python -m pytest -q -m 'not slow' -n auto --dist loadfile

# ------------------------------------------------------------ checks

check: lint types contracts test docs  ## format, lint, types, import contracts, tests, documentation

check-all: lint types contracts docs  ## the same with the slow tests
	@$(BIN)/python -m pytest -q -n auto --dist loadfile

format: $(STAMPS)/dev  ## lay the source out
	@$(BIN)/ruff format -q .
	@$(BIN)/ruff check -q --fix-only .

lint: $(STAMPS)/dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(STAMPS)/dev
	@$(BIN)/mypy

contracts: $(STAMPS)/dev
	@$(BIN)/lint-imports --no-cache

golden: $(STAMPS)/dev  ## rewrite golden files and generated parts of pages; read the difference
	@$(BIN)/python -m pytest -q tests/unit/diagnostics/test_catalogue.py tests/cases --update-golden
	@$(BIN)/python docs/_ext/generated.py

bench: $(STAMPS)/dev  ## time fits and checks, print tables and write JSON
	@$(BIN)/python tests/benchmarks/bench.py
	@$(BIN)/python tests/benchmarks/check.py

docs: $(STAMPS)/docs  ## build the documentation, warnings are errors
	@$(SPHINX) -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

build: $(STAMPS)/dev  ## make the wheel and the source distribution
	@$(BIN)/python -m build --quiet

clean:  ## remove all that was made here
	rm -rf $(VENV) build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
