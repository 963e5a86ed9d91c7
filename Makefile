# The only door: every target does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CITIES ?= los-angeles puyang
BENCH ?= speed
ROUNDS ?= 12
SEED ?= 1

.PHONY: run setup test check bench chaos format lock schemas docs-api clean

run: setup  ## start Kafka and the router, replay real input, then Puyang, show it live (Ctrl-C stops)
	@$(BIN)/grid-router demo $(CITIES)

setup: $(VENV)/.ready  ## virtual environment, locked dependencies, the embedded broker

$(VENV)/.ready: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing locked dependencies (about 30 s the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/grid-router broker install
	@touch $@

test: setup  ## all tests, with a real broker
	@$(BIN)/python -m pytest

check: setup  ## format, lint, types, import contracts, schemas, catalogues
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/grid-router schemas check
	@$(BIN)/grid-router catalogue lint
	@$(BIN)/grid-router catalogue test

bench: setup  ## one table: reports/s on one core, beside Kafka Streams, Quix, Bytewax, aiokafka, Faust (half an hour; BENCH=latency, ...)
	@$(BIN)/python -m tests.bench $(BENCH)

chaos: setup  ## faults under load and an audit of every id (ROUNDS=12 SEED=1; 12 kinds of fault, about 4 minutes)
	@$(BIN)/python -m tests.chaos --rounds $(ROUNDS) --seed $(SEED) --json .grid-router/chaos.json

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schemas: setup  ## generate schemas/ from the models
	@$(BIN)/grid-router schemas generate

.PHONY: docs reference hooks
check: docs

docs: setup  ## the site in .grid-router/site; a broken link, a broken anchor or an outdated reference page fails
	@$(BIN)/python -m docs.generate --check
	@$(BIN)/sphinx-build -q -E -W --keep-going docs .grid-router/site

reference: setup  ## generate docs/reference/ from the code
	@$(BIN)/python -m docs.generate

hooks: setup  ## a git hook that runs the quick checks before each commit
	@install .ci/pre-commit "$$(git rev-parse --git-path hooks)/pre-commit"
	@echo "Each commit runs .ci/pre-commit now; git commit --no-verify skips it."

docs-api:  ## a page of asyncapi.yaml in .grid-router/api/index.html (needs Node 20 and npm)
	@PUPPETEER_SKIP_DOWNLOAD=1 npx --yes --package @asyncapi/generator@2.11.0 ag schemas/asyncapi.yaml @asyncapi/html-template@3.5.6 --output .grid-router/api --force-write --param singleFile=true --disable-warning

lock:  ## resolve the dependencies anew (needs uv)
	@uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml --group dev -o requirements-dev.lock
	@uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml -o requirements.lock

clean:  ## forget the embedded broker's data and the virtual environment
	@rm -rf .grid-router $(VENV)
