# Every target works in a fresh checkout with Python 3.11 or newer, make and gcc.
PYTHON ?= python3
BIN := .venv/bin

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# One thread per process: the tests run in several processes, which would compete for the cores.
export OMP_NUM_THREADS ?= 1

.PHONY: help install demo test check lint types layers ceilings docstrings reachability spelling \
        reference examples pages bench faults clean
.DEFAULT_GOAL := help

help:
	@echo 'make install   install the project and its tools in .venv (the other targets do it when needed)'
	@echo 'make demo      select answers to word problems, train small models on them, and write all files to demo/'
	@echo 'make test      run all tests'
	@echo 'make check     check style, types, layers, ceilings, docstrings, unused code and spelling'
	@echo 'make reference write the reference pages from the code'
	@echo 'make examples  run the examples of the documentation and write their output into the pages'
	@echo 'make pages     write the tables of the documentation from the files in results/'
	@echo 'make bench     measure speed against other libraries, in .venv-bench'
	@echo 'make faults    kill runs, fill disks and damage files, and count broken promises (an hour or more)'
	@echo 'make clean     remove everything that make created'

# Names a Python that is too old before anything else fails.
define python_is_new_enough
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "winnow needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not installed)." \
	       'Choose another one: make PYTHON=python3.12' >&2; exit 1; }
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

check: lint types layers ceilings docstrings reachability spelling
	@$(BIN)/python tools/reference.py --check

lint: install
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check . && echo 'style: no findings'

types: install
	@$(BIN)/mypy

layers: install
	@$(BIN)/lint-imports

ceilings: install
	@$(BIN)/python tools/ceilings.py

docstrings: install
	@$(BIN)/python tools/docstrings.py

reachability: install
	@$(BIN)/python tools/reachability.py

spelling: install
	@$(BIN)/python tools/spelling.py

reference: install
	@$(BIN)/python tools/reference.py

examples: install
	@$(BIN)/python tools/update_examples.py

pages: install
	@$(BIN)/python validation/write_pages.py

bench: .venv-bench/installed
	@.venv-bench/bin/python benchmarks/run.py

faults: install
	@$(BIN)/python fault_injection/run.py

clean:
	@rm -rf .venv .venv-bench demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests tools benchmarks fault_injection validation -name __pycache__ -prune -exec rm -rf {} +
