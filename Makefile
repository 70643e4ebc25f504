# Everything from a fresh clone: Python 3.11 or later, nothing else installed.
#   make demo    the demonstration on http://127.0.0.1:8000 (PORT=, DATA= override)
#   make run     a real school, in instance/
#   make test    lint and tests: make lint, make test, make coverage, make test-all
#   make bench   our pages beside stock screens at 100,000 students: make bench BENCH="--bars 1,4-6 --short"

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
FLASK := $(BIN)/flask --app app
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed
WORKERS ?= 2

# pip from another tool's environment, or from its own: both are asked in the same words.
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >/dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
	@touch $@
endef

.DEFAULT_GOAL := help
.PHONY: help demo run dev test coverage test-all bench lint catalogues migrations-check

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -5

$(RUNTIME): requirements.txt
	$(call install,requirements.txt)

$(DEVELOPMENT): requirements-dev.txt
	$(call install,requirements-dev.txt)
	@touch $(RUNTIME)

demo: export SCOLABRI_DATA := $(or $(DATA),instance/demo)
demo: $(RUNTIME)
	@$(FLASK) serve --upgrade --demo --port $(PORT)

run: export SCOLABRI_DATA := $(or $(DATA),instance)
run: $(RUNTIME)
	@$(FLASK) serve --upgrade --port $(PORT)

dev: $(DEVELOPMENT)

# What is compiled once is kept, whatever the shell says: each process that a test starts reads the whole application.
test coverage test-all: export PYTHONDONTWRITEBYTECODE :=

# A worker starts its own server and Chromium when its first browser test comes.
test: $(DEVELOPMENT)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not slow"

# The same with every line and branch counted, which nearly doubles the time; fails below the bar of pyproject.toml.
coverage: $(DEVELOPMENT)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(WORKERS) --dist loadgroup -m "not slow"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --show-missing | tail -25

test-all: $(DEVELOPMENT)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup
	$(BIN)/python tests/postgresql.py $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --ignore tests/browser \
		-W "ignore::pytest.PytestUnraisableExceptionWarning" # pools that a test leaves to its end

# Times say something about this machine only; the ratios travel. Never part of the tests.
bench: $(DEVELOPMENT)
	@$(BIN)/python tests/bench/run.py $(BENCH)

lint: $(DEVELOPMENT)
	$(BIN)/ruff check .
	$(BIN)/mypy

catalogues: $(DEVELOPMENT)
	$(BIN)/python -m jobs.catalogues

migrations-check: $(DEVELOPMENT)
	$(BIN)/python -m jobs.schema check
