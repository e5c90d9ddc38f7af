# Everything runs in .venv, which is made when it is missing and renewed when pyproject.toml changes.
#   make test ARGS="tests/core -x"      arguments for pytest, which runs the files in two processes of one thread
#   make quickstart PYTHON=python3.12   another Python for a new .venv
PYTHON ?= python3
ARGS ?=
RUN := .venv/bin/python
READY := .venv/.ready
PAGE := runs/quickstart/vae/explanations/index.html

.DEFAULT_GOAL := help
.PHONY: help quickstart test lint types format docs bench results

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

quickstart: $(READY)  ## Train a classifier and a generator on bundled digits, explain, name the page to open
	@$(RUN) -m xaicf fit --config configs/quickstart/classifier.yaml
	@$(RUN) -m xaicf fit --config configs/quickstart/vae.yaml
	@test -f $(PAGE) || { echo "error: $(PAGE) was not written" >&2; exit 1; }
	@echo "Open $(PAGE)"

test: $(READY)  ## Run tests and doctests; ARGS goes to pytest
	@OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(RUN) -m pytest --numprocesses 2 --dist loadfile $(ARGS)

lint: $(READY)  ## Check rules and formatting
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .

types: $(READY)  ## Check types
	@$(RUN) -m mypy

format: $(READY)  ## Mend what can be mended, and format
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .

docs: $(READY)  ## Build the documentation into site, warnings being errors
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@$(RUN) -m mkdocs build --strict --quiet
	@echo "Open site/index.html"

bench: $(READY)  ## Run every benchmark; the last line of each is one JSON object
	@set -e; for script in $(sort $(wildcard benchmarks/[a-z]*.py)); do $(RUN) $$script; done

results: $(READY)  ## Write the results of studies, copies in results, into RESULTS.md
	@$(RUN) -m xaicf.studies.results

# The stamp is written last, so that an installation that was cut off is done again.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "error: Python 3.11 or newer is needed, '$(PYTHON)' is not; set PYTHON=" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
