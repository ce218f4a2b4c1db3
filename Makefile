# Needs Python 3.11 to 3.13 and make; everything else goes into .venv, made when missing or stale.

PYTHON ?= python3
RUN    := .venv/bin/python

# What `make demo` runs, and where it leaves its report.
DEMO_OUT := results/demo
DEMO     := compare experiments/founding/scenario.toml --replications 20 --out $(DEMO_OUT) --overwrite

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test lint bench docs clean remake

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile | expand -t 16

setup: .venv/installed  ## make .venv and install the locked dependencies

demo: .venv/installed  ## compare commission policies and write a report
	@$(RUN) -m sim.cli $(DEMO)
	@printf '\nThe report is %s\n' "$$(pwd)/$(DEMO_OUT)/report.html"

test: .venv/installed  ## run the tests on all processors; ARGS="-k ledger" selects
	@$(RUN) -m pytest -n auto --dist worksteal $(ARGS)

lint: .venv/installed  ## check style, format and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: .venv/bench  ## measure speed against peers; ARGS=--quick for a shorter run
	@$(RUN) -m benchmarks $(ARGS)

docs: .venv/installed  ## write again what the pages take from the code
	@$(RUN) -m sim.cli schemes --markdown > docs/reference/.schemes.md
	@mv docs/reference/.schemes.md docs/reference/schemes.md
	@$(RUN) -m sim.report.odd docs

clean:  ## remove .venv, caches and the demo's results
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info $(DEMO_OUT)
	find sim tests benchmarks experiments -type d -name __pycache__ -prune -exec rm -rf {} +

# The stamp is written last, so an interrupted installation is done again; so is one whose
# Python has gone.
.venv/installed: pyproject.toml constraints.txt $(shell $(RUN) -c '' 2>/dev/null || echo remake)
	@supported='import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'; \
	if ! .venv/bin/python -c "$$supported" 2>/dev/null; then \
	    found=; \
	    for python in "$(PYTHON)" python3.13 python3.12 python3.11 python3 python; do \
	        if "$$python" -c "$$supported" 2>/dev/null; then found=$$python; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "vouch needs Python 3.11, 3.12 or 3.13 with its venv module; none was found as" \
	             "$(PYTHON), python3.11, python3.12 or python3.13." \
	             "Install one, or name it: make PYTHON=/path/to/python3.11" >&2; \
	        exit 1; \
	    fi; \
	    echo "Making .venv with $$("$$found" --version)"; \
	    rm -rf .venv; \
	    "$$found" -m venv .venv || exit 1; \
	fi
	@echo 'Installing the locked dependencies into .venv (about a minute the first time)'
	@$(RUN) -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[all]'
	@touch $@

# Peers are wanted by the benchmark only.
.venv/bench: .venv/installed
	@echo 'Installing the peers that are measured'
	@$(RUN) -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[all,bench]'
	@touch $@
