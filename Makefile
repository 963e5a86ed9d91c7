# The only door: every target does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CITIES ?= los-angeles puyang
BENCH ?= speed
BROKERS ?= 1
SEED ?= 1

JOBS ?= 3
COMPILE = uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra router --extra otel pyproject.toml
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: run setup setup-run setup-dev test test-long test-all check bench chaos format lock schemas dashboards docs-api clean

run: setup-run  ## start Kafka and the router, replay real input, then Puyang, show it live (Ctrl-C stops)
	@$(BIN)/grid-router demo $(CITIES)

setup: setup-dev

setup-run: $(VENV)/.ready-run  ## virtual environment with the locked runtime dependencies, the embedded broker

setup-dev: $(VENV)/.ready-dev  ## the same and the locked development tools

$(VENV)/.ready-run: requirements.lock pyproject.toml .ci/install
	@PYTHON=$(PYTHON) .ci/install $(VENV) requirements.lock
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock pyproject.toml .ci/install
	@PYTHON=$(PYTHON) .ci/install $(VENV) requirements-dev.lock
	@touch $(VENV)/.ready-run $@

test: setup-dev  ## all tests but the long ones, with real brokers and one round of every fault (JOBS=3 processes, each with a broker)
	@$(PYTEST) -m "not long"

test-long: setup-dev  ## tests that take long by nature: broken workers that the audit must catch, three brokers, large replays
	@$(PYTEST) -m long

test-all: setup-dev  ## both in one run
	@$(PYTEST)

check: setup-dev  ## format, lint, types, import contracts, schemas, catalogues
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/grid-router schemas check
	@$(BIN)/python -m deploy.monitoring.generate --check
	@$(BIN)/python -m deploy.audit.generate --check
	@$(BIN)/python -m deploy.platforms.generate --check
	@$(BIN)/grid-router catalogue lint
	@$(BIN)/grid-router catalogue test
	@$(BIN)/python -m tests.support.words

bench: setup-dev  ## one table: reports/s on one core, beside Kafka Streams, Quix, Bytewax, aiokafka, Faust (half an hour; BENCH=latency, ...)
	@$(BIN)/python -m tests.bench $(BENCH)

chaos: setup-dev  ## faults under load and an audit of every id (ROUNDS=13 SEED=1 BROKERS=1 SECURE=1; every kind once without ROUNDS, about 5 minutes; BROKERS=3 has kinds of its own)
	@$(BIN)/python -m tests.chaos --brokers $(BROKERS) $(if $(SECURE),--secure) $(if $(ROUNDS),--rounds $(ROUNDS)) --seed $(SEED) --json .grid-router/chaos.json

format: setup-dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schemas: setup-dev  ## generate schemas/ from the models
	@$(BIN)/grid-router schemas generate

dashboards: setup-dev  ## generate deploy/monitoring/dashboards/ from the metrics
	@$(BIN)/python -m deploy.monitoring.generate

.PHONY: docs reference hooks audit notices platforms
check: docs

docs: setup  ## the site in .grid-router/site; a broken link, a broken anchor or an outdated reference page fails
	@$(BIN)/python -m docs.generate --check
	@$(BIN)/sphinx-build -q -E -W --keep-going docs .grid-router/site

reference: setup  ## generate docs/reference/ from the code
	@$(BIN)/python -m docs.generate

platforms: setup-dev  ## generate deploy/container, compose, kubernetes and systemd from deploy/platforms/
	@$(BIN)/python -m deploy.platforms.generate

audit: setup-dev  ## licences, a bill of materials in .grid-router/sbom.cdx.json, and known holes of the Python packages (asks PyPI)
	@$(BIN)/python -m deploy.audit.generate --check --sbom .grid-router/sbom.cdx.json
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --vulnerability-service pypi -r requirements-dev.lock

notices: setup-dev  ## generate deploy/audit/THIRD-PARTY-NOTICES.md from the locks
	@$(BIN)/python -m deploy.audit.generate

hooks: setup  ## a git hook that runs the quick checks before each commit
	@install .ci/pre-commit "$$(git rev-parse --git-path hooks)/pre-commit"
	@echo "Each commit runs .ci/pre-commit now; git commit --no-verify skips it."

docs-api:  ## a page of asyncapi.yaml in .grid-router/api/index.html (needs Node 20 and npm)
	@PUPPETEER_SKIP_DOWNLOAD=1 npx --yes --package @asyncapi/generator@2.11.0 ag schemas/asyncapi.yaml @asyncapi/html-template@3.5.6 --output .grid-router/api --force-write --param singleFile=true --disable-warning

lock:  ## resolve the dependencies anew (needs uv); what runs has the same versions in both locks
	@$(COMPILE) --group dev -o requirements-dev.lock
	@$(COMPILE) --group build --constraint requirements-dev.lock -o requirements.lock

clean:  ## forget the embedded broker's data and the virtual environment
	@rm -rf .grid-router $(VENV)
