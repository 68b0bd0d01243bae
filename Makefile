# `make help` lists what there is. Everything goes into .venv; nothing has to be installed by hand.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo run test lint bench storm faults fuzz load jmeter lock messages clean demo-parts all-parts packages
VENV ?= .venv
PY := $(VENV)/bin/python
export VENV PYTHON

# A heading, and the seconds of what it heads.
timed = printf '\n== %s\n' "$(1)"; start=$$SECONDS; { $(2); } && printf '== %s: %d s\n' "$(1)" $$((SECONDS - start))

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: demo-parts ## set up, start everything, send one input to each model; ONCE=1 GARMENT=photo.jpg CLOTHING=trousers SELFIE=me.jpg AUDIO=call.m4a
	@exec $(PY) manage.py demo $(if $(ONCE),--once) $(if $(GARMENT),--garment '$(GARMENT)') $(if $(CLOTHING),--clothing '$(CLOTHING)') $(if $(SELFIE),--selfie '$(SELFIE)') $(if $(AUDIO),--audio '$(AUDIO)')

run: demo-parts ## set up and start everything: web, workers, housekeeping, an embedded broker
	@exec $(PY) manage.py up

# Two files at a time: much of a test's time is waiting. Those of one file share processes and run one after the other.
test: PAIR = -n 2 --dist loadfile --no-loadscope-reorder
test: all-parts packages jmeter ## set up, lint, then all tests with coverage; PYTEST="-m 'not slow'" for other options, "-n 0" for one at a time
	@$(call timed,lint,$(MAKE) --no-print-directory checks)
	@$(call timed,tests,$(PY) -m pytest $(PAIR) --cov --cov-report=term $(PYTEST))
	@$(call timed,the engine on PostgreSQL,$(PY) -m tests.postgres $(PY) -m pytest -q $(PAIR) --hypothesis-profile=brief tests/tasks tests/test_bad_input.py)

lint: all-parts checks ## ruff, mypy --strict, import-linter

.PHONY: checks
checks:
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) $(VENV)/bin/lint-imports --no-logo

bench: all-parts ## what the engine costs per job
	@exec $(PY) -m benchmarks.engine

storm: all-parts ## kill processes at random while jobs flow, account for every job; JOBS=300 KILLS=20 RATE=0 SEED=1 DATABASE=sqlite
	@exec $(PY) -m benchmarks.storm $(if $(JOBS),--jobs $(JOBS)) $(if $(KILLS),--kills $(KILLS)) $(if $(RATE),--rate $(RATE)) $(if $(SEED),--seed $(SEED)) $(if $(DATABASE),--database $(DATABASE))

faults: all-parts ## one fault after another: what the client sees, how long until work goes on, what is lost; ROUNDS=3
	@exec $(PY) -m benchmarks.faults $(if $(ROUNDS),--rounds $(ROUNDS))

fuzz: all-parts ## send what nobody should send: requests out of the API's own description, and odd bytes; MINUTES=30 SEED=1 DATABASE=sqlite
	@exec $(PY) -m benchmarks.fuzz $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) $(if $(DATABASE),--database $(DATABASE))

load: all-parts packages jmeter ## replay a JMeter plan, watch the machine, write a report; PLAN=mixed USERS=30 DURATION=300 WAY=prefer HOST=... PORT=... KEY=... MORE="--knob think=0"
	@exec $(PY) -m jmeter.run $(or $(PLAN),mixed) $(if $(USERS),--users $(USERS)) $(if $(DURATION),--duration $(DURATION)) $(if $(WAY),--way $(WAY)) $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(if $(KEY),--key $(KEY)) $(if $(FILES),--files $(FILES)) $(MORE)

lock: all-parts ## write requirements/*.lock anew from pyproject.toml
	$(PY) deploy/lock.py

messages: all-parts ## gather what clients read into fitsize/locale, and compile the translations
	$(PY) deploy/messages.py

clean: ## remove the virtual environment and caches; data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis .coverage htmlcov build *.egg-info
	find . -name __pycache__ -not -path './var/*' -prune -exec rm -rf {} +

demo-parts:
	@bash deploy/setup.sh demo

all-parts:
	@bash deploy/setup.sh demo dev

packages:
	@bash deploy/packages.sh

jmeter: all-parts ## fetch JMeter 5.5, once (66 MB, into the virtual environment)
	@$(PY) -m jmeter.home || echo 'JMeter could not be fetched: what needs it says so'
