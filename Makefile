# `make` lists the targets; `make figures` and `make test` are all that a clone needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# PROFILE=quick figures quick's results; without it config/config.yaml decides.
PROFILE ?=
CORES ?= all
SNAKEMAKE = . $(BIN)/activate && snakemake --cores $(CORES)
SETTINGS = $(if $(PROFILE), --config profile=$(PROFILE))

# Tests of one thread each, several at a time: torch's own threads would only fight.
WORKERS ?= 2
TESTS ?= tests
PYTEST = . $(BIN)/activate && OMP_NUM_THREADS=1 python -m pytest

# Where `make gpu` and `make bench` leave their files, and what they are told, e.g. BENCH="--width 1 --batch 128
# --threads 2 -k test_pgd" for whole attacks at the papers' size (a quarter of an hour on two quiet cores).
OUT ?= results/benchmarks
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help figures report docs test check bench gpu lock clean distclean

help: ## list the targets
	@echo "make TARGET [PROFILE=a name in config/profiles/] [PYTHON=python3]"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-12s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

figures: $(STAMP) ## every table and figure, and the report, into figures/
	$(SNAKEMAKE) figures/$(SETTINGS)

report: $(STAMP) ## the HTML report only, results/<profile>/report/index.html
	$(SNAKEMAKE) report$(SETTINGS)

docs: $(STAMP) ## the documentation as a site, build/docs/index.html
	$(BIN)/pip install --quiet -c constraints.txt -e '.[docs]'
	$(BIN)/mkdocs build --strict

test: $(STAMP) ## all tests
	$(PYTEST) -n $(WORKERS) $(TESTS)

check: $(STAMP) ## formatting, lint and types, of Python and of the workflow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/snakefmt --check Snakefile workflow
	. $(BIN)/activate && snakemake --lint

bench: $(STAMP) ## what the DAG costs and how fast the methods train, into results/published/benchmarks/
	@mkdir -p $(OUT)
	$(PYTEST) benchmarks --benchmark-enable --benchmark-only --benchmark-json=$(OUT)/bench.json $(BENCH)
	. $(BIN)/activate && python benchmarks/publish.py $(OUT)/bench.json results/published/benchmarks

# On a machine to which nothing can be downloaded: make gpu WHEELS=folder (benchmarks/gpu-wheels.txt), with its own python.
WHEELS ?=
gpu: $(if $(WHEELS),,$(STAMP)) ## the tests and timings that need a CUDA device, into OUT
	PYTHON="$(if $(WHEELS),$(PYTHON),$(CURDIR)/$(BIN)/python)" WHEELS="$(WHEELS)" benchmarks/gpu.sh $(OUT)

lock: ## resolve all versions anew into constraints.txt (needs uv)
	uv pip compile --quiet --upgrade --universal --python-version 3.11 pyproject.toml --extra dev \
	  --no-annotate --no-emit-index-url --custom-compile-command "make lock" --output-file constraints.txt

clean: ## remove figures/, the smoke profile's results and all caches; other results stay
	rm -rf figures results/smoke .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks build dist
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## also remove the environment and Snakemake's records
	rm -rf $(VENV) .snakemake src/*.egg-info

# Made again whenever the versions change.
$(STAMP): pyproject.toml constraints.txt auditor.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $(PYTHON) is missing or older than Python 3.11; give another: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo "creating $(VENV) and installing into it: a minute or two, much longer where torch must be downloaded"
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "error: $(PYTHON) cannot make an environment; Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps -r auditor.txt
	@touch $@
