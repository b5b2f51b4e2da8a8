# Everything an engineer does here has a target; `make` alone lists them.

PYTHON ?= $(shell for p in python3.11 python3; do $$p -c '' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
UV_COMPILE := $(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	--python-version 3.11
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test lint format pages demo texts openapi clients sql bench bench-quick bench-against bench-realtime fuzz walk contract chaos lock clean programs

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

run: .venv/installed ## Serve on HOST:PORT (127.0.0.1:8000), with its own PostgreSQL unless DATABASE_URL is set
	@exec $(BIN)/python -m launch

demo: .venv/installed ## Generate traffic on the running service; ARGS are given to `flask demo run`
	@exec $(BIN)/python -m flask --app cli:create_app demo run $(ARGS)

test: .venv/installed-dev programs ## Run all tests; ARGS are given to pytest
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

lint: .venv/installed-dev ## Check style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: .venv/installed-dev ## Format the code, and apply safe lint fixes
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

texts: .venv/installed-dev ## Bring the catalogues, translations/, in line with the texts in code and templates
	@$(BIN)/python -m foundation.catalogues

openapi: .venv/installed-dev ## Regenerate the contract, docs/openapi.json, from the code
	@DATABASE_URL=postgresql://nobody@nowhere/none JWT_SECRET=$$(printf %032d 0) $(BIN)/python -m flask openapi > docs/openapi.json.new || { rm -f docs/openapi.json.new; exit 1; }
	@mv docs/openapi.json.new docs/openapi.json

clients: .venv/installed-dev ## Regenerate what follows from the contract in clients/, from docs/openapi.json
	@PYTHONPATH=clients $(BIN)/python -m generator

sql: .venv/installed-dev ## Regenerate the composed statements, docs/sql/*.sql, from the code
	@DATABASE_URL=postgresql://nobody@nowhere/none JWT_SECRET=$$(printf %032d 0) SMTP_URL=smtp://mail MAIL_FROM=a@b.example \
		WEBHOOK_SECRET_KEYS=sql:MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA= \
		$(BIN)/python -m flask sql --write docs/sql

bench: .venv/installed-dev ## Run a benchmark; ARGS name another one and its options
	@exec $(BIN)/python -m benchmarks $(or $(ARGS),modes)

bench-quick: .venv/installed-dev ## Check in half a minute that the benchmark runs; its numbers mean nothing
	@exec $(BIN)/python -m benchmarks --quick $(ARGS)

bench-realtime: .venv/installed-dev ## Measure the live streams beside nchan, flask-sse and sse-starlette
	@exec $(BIN)/python -m benchmarks realtime $(ARGS)

bench-against: .venv/installed-dev ## Measure this checkout and REF=<commit> in one interleaved run
	@exec $(BIN)/python -m benchmarks against $(REF) $(ARGS)

fuzz: .venv/installed-dev ## Have 100,000 mutated requests read by four readers of HTTP; MUTATIONS=n, SEED=n
	@MUTATIONS=$(or $(MUTATIONS),100000) SEED=$(SEED) $(BIN)/python -m pytest -q tests/unit/test_mutated_requests.py $(ARGS)

pages: .venv/installed-dev ## Look at every page in both themes and three widths with axe-core, and take pictures of them into docs/pictures/
	@ALL_SIZES=1 PICTURES=docs/pictures $(BIN)/python -m pytest -q -n 2 tests/journeys/test_pages_accessible.py tests/journeys/test_pages_pictures.py $(ARGS)

walk: .venv/installed-dev ## Print the files that a PATCH, a batch and a durable attempt go through; ARGS=--calls prints each call
	@exec $(BIN)/python -m benchmarks.walk $(ARGS)

contract: .venv/installed-dev .venv-contract/installed .contract/installed ## Lint the contract, and try the clients that generators make of it
	@$(BIN)/python -m pytest tests/generators $(ARGS)

chaos: .venv/installed-dev ## Run the fault-injection proofs; ONLY="R1 R3", SEED=7, and ARGS=--fast or --write
	@exec $(BIN)/python -m chaos $(ONLY) $(if $(SEED),--seed $(SEED)) $(ARGS)

lock: .venv/installed-dev ## Regenerate the hashed requirements with the newest compatible versions
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	@$(UV_COMPILE) --upgrade --output-file requirements.txt requirements/base.in
	@$(UV_COMPILE) --upgrade --output-file requirements/dev.txt requirements/dev.in
	@$(UV_COMPILE) --upgrade --output-file requirements/bench.txt requirements/bench.in
	@$(UV_COMPILE) --upgrade --output-file requirements/contract.txt requirements/contract.in

clean: ## Remove the virtual environment and all caches; data stays
	@rm -rf .venv .venv-bench .venv-bench-newer .venv-contract .contract .venv.lock .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed: requirements.txt
	$(call install,$<,$@)

.venv/installed-dev: requirements/dev.txt
	$(call install,$<,$@)

# Generators are fetched when they are first needed: neither the service nor `make test` needs them.
.venv-contract/installed: requirements/contract.txt | .venv/installed-dev
	@$(BIN)/python -m venv --without-pip --clear .venv-contract
	@$(BIN)/python -m pip --python .venv-contract/bin/python install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

.contract/installed: tests/generators/package.json
	@mkdir -p .contract && cp $< .contract
	@cd .contract && npm install --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Debian's Python may come without ensurepip; then its pip installs into an environment that has none.
# The lock lets two `make run` on a fresh checkout wait for each other where flock exists.
define install
$(if $(shell $(PYTHON) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),,$(error Onward needs Python 3.11 or newer; name one with make PYTHON=/path/to/python3.11))
@echo "Installing $(1) into .venv; the first time it takes a minute or two ..."
@exec 9>.venv.lock; if command -v flock >/dev/null; then flock 9; fi; \
	test -x $(BIN)/python || $(PYTHON) -m venv .venv >/dev/null 2>&1 || $(PYTHON) -m venv --clear --without-pip .venv || exit 1; \
	if $(BIN)/python -m pip --version >/dev/null 2>&1; then pip="$(BIN)/python -m pip"; \
	else pip="$(PYTHON) -m pip --python $(BIN)/python"; fi; \
	$$pip install -qq --disable-pip-version-check --no-input --require-hashes -r $(1) && touch $(2)
endef

# What some tests drive; Debian has it.
PROGRAMS := chromium:/usr/bin/chromium redis-server:/usr/bin/redis-server pgbouncer:/usr/sbin/pgbouncer \
	nginx:/usr/sbin/nginx caddy:/usr/bin/caddy haproxy:/usr/sbin/haproxy

programs:
	@missing=; for one in $(PROGRAMS); do test -x "$${one#*:}" || command -v "$${one%%:*}" >/dev/null || \
		missing="$$missing $${one%%:*}"; done; \
	test -z "$$missing" || { test "$$(id -u)" = 0 && command -v apt-get && apt-get -qq update && \
		DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing; } >/dev/null 2>&1 || \
		echo "Some tests are skipped: they need$$missing, which cannot be installed here."
