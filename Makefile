# Each target sets up all it needs; a fresh machine needs Python 3.11 or newer, and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all check bench bench-people openapi fuzz clean kill-200 kill-1000

demo: .venv/ready
	$(BIN)/python -m demo

test: .venv/ready
	$(BIN)/python -m pytest -n 4 --dist worksteal

# Every case of the tables `make test` takes a seeded part of.
test-all: .venv/ready
	ALL_CASES=1 $(BIN)/python -m pytest -n 4 --dist worksteal

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready
	$(BIN)/python -m benchmarks

# 10,000 people register themselves, and a stranger tries to tell who is known.
bench-people: .venv/ready
	$(BIN)/python -m benchmarks.people

kill-200 kill-1000: .venv/ready
	KILL_CYCLES=$(@:kill-%=%) $(BIN)/python -m pytest tests/e2e/test_kill.py -k killed -s

# Write docs/openapi anew; `make test` fails while it differs from what runs.
openapi: .venv/ready
	$(BIN)/python -m tests.openapi.documents

# Many more made-up inputs an operation than the tests send.
fuzz: .venv/ready
	FUZZ_EXAMPLES=200 $(BIN)/python -m pytest -n 4 tests/openapi/test_fuzz.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache var

.venv/ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "service_exchange.pth").write_text(str(pathlib.Path.cwd()) + "\n")'
	for name in provider consumer; do \
		printf '#!%s\nfrom %s_service.cli import main\n\nmain()\n' "$(CURDIR)/$(BIN)/python" $$name > $(BIN)/$$name && chmod +x $(BIN)/$$name; \
	done
	touch $@
