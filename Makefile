# Two commands for everyone: `make demo` and `make test`. The others are for people who change the code.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 2
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test check lint types imports torture bench ensembles reference docs clean python
.DEFAULT_GOAL := help

help:  ## say what there is
	@echo "make demo    set up and search the default study: the front, four policies worth a look"
	@echo "make test    set up and run every check: ruff, mypy, import-linter, the whole test suite"
	@echo "make check   the same without the slow tests"
	@echo "make torture kill, stop and fail runs hundreds of times (a quarter of an hour)"
	@echo "make bench   time the kernels and the search"
	@echo "make ensembles   fit the built-in ensembles anew (minutes)"
	@echo "make reference   write docs/reference-*.md anew"
	@echo "make docs    build the pages as a site with search in build/site"
	@echo "make clean   remove the virtual environment and everything built"
	@echo "PYTHON=python3.12 in front or behind chooses the interpreter (3.11 or newer)"

demo: $(VENV)/.installed  ## from a clone to a front of policies
	$(BIN)/tiercap optimize

test: lint types imports  ## every check there is
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

check: lint types imports  ## every check but the slow tests
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not slow"

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .

types: $(VENV)/.installed-dev
	@.ci/tree
	$(BIN)/mypy -p tiercap

imports: $(VENV)/.installed-dev
	@.ci/tree
	PYTHONPATH=build/types $(BIN)/lint-imports

torture: $(VENV)/.installed-dev  ## what the tests do a few times, often: see CONTRIBUTING.md
	PYTHONPATH=tests $(BIN)/python tests/torture/driver.py --kills 200 --signals 50 --rivals 20 --faults --every --kinds ENOSPC EIO EDQUOT death

bench: $(VENV)/.installed-dev  ## timings, never part of the tests
	$(BIN)/python -m pytest benchmarks --benchmark-enable --benchmark-only --benchmark-sort=name

ensembles: $(VENV)/.installed  ## make the built-in ensembles anew, bit for bit unless model or record has changed
	$(BIN)/tiercap calibrate -o optimizer/data/calibrated-2024.parquet
	$(BIN)/tiercap calibrate --everything -o optimizer/data/calibrated-2026.parquet

reference: $(VENV)/.installed  ## the pages of reference, from the program itself
	$(BIN)/python docs/make_reference.py
	$(BIN)/python docs/make_architecture.py

docs: $(VENV)/.installed-dev  ## the pages as a site, from build/site/index.html; a broken link, anchor or picture ends it
	$(BIN)/python -m sphinx -W --keep-going -q -b html -d build/doctrees -c docs/site . build/site
	@echo "build/site/index.html"

clean:
	rm -rf $(VENV) build tiercap.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks

# --- set-up: done once, and again only when pyproject.toml or constraints.txt changes ---

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  found=$$($(PYTHON) -c 'import platform; print(platform.python_version())' 2>/dev/null); \
	  echo "tiercap needs Python 3.11 or newer, but \`$(PYTHON)\` is $${found:-not there}." \
	       "Name another: make PYTHON=python3.12 demo" >&2; exit 2; }

$(BIN)/python: | python
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { echo "could not create $(VENV): on Debian and Ubuntu install python3-venv" >&2; exit 2; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing tiercap and what it needs into $(VENV)"
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/.installed
	@echo "installing the developer's tools into $(VENV)"
	@$(PIP) install --constraint constraints.txt --editable ".[dev]"
	@touch $@ $(VENV)/.installed
