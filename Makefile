# What one does in a checkout; `make` alone lists it. Needs Python 3.11 to 3.14 and, where uv is missing, some patience.

PYTHON ?=      # The interpreter to use; by default the first suitable one found
VENV ?= .venv
ARGS ?=        # For the command: make run ARGS="--devices 100"
# What to install: embedded, platform for Kafka and Flink too, or agent for the edge agent alone.
EXTRA ?= embedded

BIN := $(VENV)/bin

# uv does in seconds what takes pip a minute or two. Either way nothing is installed but wheels with a known hash, and
# everything is compiled to bytecode once: fifteen processes that each compile their imports are slow to start.
ifeq ($(shell uv --version >/dev/null 2>&1 && echo works),works)
INSTALL := uv pip install --no-config --quiet --compile-bytecode --python $(BIN)/python
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif
PINNED := --require-hashes --only-binary :all:

.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast lint format bench bench-platform docs site pictures lock lock-jars clean dev platform

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

ifeq ($(EXTRA),platform)
setup: platform
else
setup: $(VENV)/$(EXTRA).stamp
endif
setup: ## Install the embedded pipeline into .venv (EXTRA=platform: the streaming platform too, EXTRA=agent: the edge agent alone; PYTHON=... names the interpreter)

run: $(VENV)/embedded.stamp ## Run the embedded pipeline and its viewer (ARGS="..." for flead run)
	@$(BIN)/flead run $(ARGS)

test: lint $(VENV)/tested.stamp ## Run all tests, those that start real services and browsers too
	$(BIN)/pytest -m "not real"
	$(BIN)/pytest -m real

test-fast: dev ## Run the tests that take under a minute
	$(BIN)/pytest -m "not real"

lint: dev ## Check style, types and the directions of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tools.words

format: dev ## Bring the sources into the common style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: dev ## Measure, and write docs/benchmarks.md
	$(BIN)/python -m benchmarks $(ARGS)

bench-platform: $(VENV)/platform.stamp dev ## Measure the platform: Flink beside others, Kafka, the collector, Spark, the pages (an hour)
	$(BIN)/python -m benchmarks.flink
	$(BIN)/python -m benchmarks.platform
	$(BIN)/python -m benchmarks.spark
	$(BIN)/python -m benchmarks.viewer 10000000 2407 7
	$(BIN)/python -m benchmarks.dashboards

docs: dev ## Write docs/commands.md, docs/settings.md and deploy/ from the program
	$(BIN)/python -m tools.reference

# Without --quiet, which would hide the warnings from --strict.
site: dev ## Build the documentation site into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "build/site/index.html; the search needs a server: $(BIN)/python -m http.server --directory build/site"

pictures: dev ## Take the pictures in docs/images (needs Chromium and its driver)
	$(BIN)/python -m tools.pictures

# Pins stay as they are where pyproject.toml allows it.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --annotation-style line --custom-compile-command "make lock"
EMBEDDED := pyproject.toml --group build --extra embedded

lock: ## Pin what pyproject.toml asks for (needs uv; ARGS=--upgrade moves to the newest)
	@$(COMPILE) $(ARGS) $(EMBEDDED) --output-file requirements/embedded.txt
	@$(COMPILE) $(ARGS) pyproject.toml --group build --extra agent --constraint requirements/embedded.txt \
		--output-file requirements/agent.txt
	@$(COMPILE) $(ARGS) $(EMBEDDED) --extra agent --extra privacy --extra dashboards --group dev --group site --constraint requirements/embedded.txt \
		--output-file requirements/dev.txt
	@$(COMPILE) $(ARGS) $(EMBEDDED) --extra services --extra privacy --constraint requirements/dev.txt \
		--output-file requirements/services.txt
	@$(COMPILE) $(ARGS) $(EMBEDDED) --extra privacy --extra platform --extra spark --constraint requirements/dev.txt \
		--output-file requirements/platform.txt
	@$(COMPILE) $(ARGS) --no-config --group sources --output-file requirements/sources.txt
	@$(COMPILE) $(ARGS) --no-config --group bench-river --output-file requirements/bench-river.txt
	@$(COMPILE) $(ARGS) --no-config --group bench-pyod --output-file requirements/bench-pyod.txt
	@$(COMPILE) $(ARGS) --no-config --group bench-quix --output-file requirements/bench-quix.txt
	@$(COMPILE) $(ARGS) --no-config --group bench-flower --output-file requirements/bench-flower.txt

lock-jars: $(VENV)/platform.stamp ## Pin the jars that the platform needs
	@$(BIN)/python -m flead.stack lock

clean: ## Remove what make made; the data that flead has stored stays
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

dev: $(VENV)/dev.stamp

# Flink has packages up to Python 3.12. With a newer Python the platform gets an environment of its own beside VENV.
platform: $(BIN)/python
	@venv=$$(tools/venv.sh --platform $(VENV) $(PYTHON)) && \
		$(MAKE) --no-print-directory $$venv/platform.stamp VENV=$$venv

$(VENV)/embedded.stamp: requirements/embedded.txt pyproject.toml $(BIN)/python
	@echo "Installing the embedded pipeline into $(VENV) (a minute or two the first time)"
	@$(INSTALL) $(PINNED) --requirement requirements/embedded.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/agent.stamp: requirements/agent.txt pyproject.toml $(BIN)/python
	@echo "Installing the edge agent into $(VENV)"
	@$(INSTALL) $(PINNED) --requirement requirements/agent.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/embedded.stamp
	@echo "Installing the tools for tests into $(VENV)"
	@$(INSTALL) $(PINNED) --requirement requirements/dev.txt
	@touch $@

# What comes as sources is built by what is here already, so that nothing is fetched without a hash.
$(VENV)/platform.stamp: requirements/platform.txt requirements/sources.txt $(VENV)/embedded.stamp
	@echo "Installing the streaming platform into $(VENV) (1.8 GB, a few minutes the first time)"
	@$(INSTALL) $(PINNED) --requirement requirements/sources.txt
	@$(INSTALL) --require-hashes --no-deps --no-build-isolation --requirement requirements/platform.txt
	@$(BIN)/python -m flead.stack fetch
	@touch $@

# Tests of the platform need its packages in the same environment; with a newer Python they are skipped.
$(VENV)/tested.stamp: $(VENV)/dev.stamp
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then \
		$(MAKE) --no-print-directory $(VENV)/platform.stamp; \
	else \
		echo "Flink has packages up to Python 3.12: the tests of the platform are skipped."; \
	fi

$(BIN)/python:
	@tools/venv.sh $(VENV) $(PYTHON)
