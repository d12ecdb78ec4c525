# Two commands on a fresh machine: `make demo` runs the main job, `make test` passes the tests.
# Each needs Python 3.11 or newer and make; the rest is built into .venv from requirements.lock.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
# A process of ours starts in half the time where bytecode is kept, and many are started here: whatever the shell says.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test lint cover acceptance bench screenshots lock clean

demo: .venv/.ready
	@$(BIN)/python -m emitter.cli.demo $(if $(filter 0,$(STAY)),--no-stay)

test: lint
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

lint: .venv/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The same tests, counting the branches that they take, which takes half as long again.
cover: .venv/.ready
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term:skip-covered --cov-fail-under=90

# What takes longer than `make test` may: crashes under load, bulkheads, deadlines, a million attempts.
acceptance: cover
	$(BIN)/pytest -m acceptance
	$(BIN)/python -m tests.acceptance --write

bench: .venv/.ready
	$(BIN)/python -m benchmarks $(BENCH)

# The pictures of the README and of docs/pages.md. Needs Chromium, and the ports 3000 and 3001.
screenshots: .venv/.ready
	$(BIN)/python -m tests.screenshots

# The lock holds everything, so pip resolves nothing (--no-deps): it would take an extra's newest version for unpinned.
# Needs uv on the PATH. Exact versions with hashes, for every Python from 3.11 on.
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header -o requirements.lock

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "emitter needs Python 3.11 or newer; this is %s. Name another one: make PYTHON=python3.12" % sys.version.split()[0])'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf .venv .emitter .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
