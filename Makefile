# Everything here works from a fresh checkout with Python 3.11 or newer, make and gcc.
PYTHON ?= python3
BIN := .venv/bin

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Two processes that each start two threads on two cores wait for each other most of the time.
export OMP_NUM_THREADS ?= 1

.PHONY: help install demo test check lint types arrows ceilings words bench faults clean
.DEFAULT_GOAL := help

help:
	@echo 'make install   the project and its tools in .venv (the other targets do it when needed)'
	@echo 'make demo      a first look: who selects right answers, and what do students learn? leaves its files in demo/'
	@echo 'make test      all tests'
	@echo 'make check     style, types, arrows between rooms, ceilings, words'
	@echo 'make bench     the speed table, against other libraries, in .venv-bench'
	@echo 'make faults    kills, full disks, damage: what winnow promises, counted (an hour or more)'
	@echo 'make clean     remove everything that make made'

# A recipe, so that a Python that is too old is named before it fails at something else.
define python_is_new_enough
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "winnow needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not there)." \
	       'Name another one: make PYTHON=python3.12' >&2; exit 1; }
endef

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(python_is_new_enough)
	@echo 'installing into .venv'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

.venv-bench/installed: pyproject.toml benchmarks/requirements.txt
	$(python_is_new_enough)
	@echo 'installing into .venv-bench'
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --requirement benchmarks/requirements.txt --editable .
	@touch $@

demo: install
	@$(BIN)/winnow demo --train --out demo

test: install
	@$(BIN)/python -m pytest -q -n auto --dist worksteal

check: lint types arrows ceilings words

lint: install
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check . && echo 'style: holds'

types: install
	@$(BIN)/mypy

arrows: install
	@$(BIN)/lint-imports

ceilings: install
	@$(BIN)/python tools/ceilings.py

words: install
	@$(BIN)/python tools/spelling.py

bench: .venv-bench/installed
	@.venv-bench/bin/python benchmarks/run.py

faults: install
	@$(BIN)/python fault_injection/run.py

clean:
	@rm -rf .venv .venv-bench demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests tools benchmarks fault_injection validation -name __pycache__ -prune -exec rm -rf {} +
