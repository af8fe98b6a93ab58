# make demo   the whole job on a loopback exchange: sync, book, match, report
# make test   every test, on SQLite and on a real PostgreSQL server
# make lint   format, lint and types
# make bench  speed and memory, with ratios to a plain loop that stores the same rows; what a bot waits for before it sends an order;
#             matching alone by each rule; FILLS=10000 for a tenth of the usual size, the largest step is of ten times as many
#
# Each sets up all that it needs: .venv with the versions pinned in constraints.txt.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
WHEELS := $(VENV)/wheels/.ready
DEMO   := demo-book
FILLS  ?= 100000

.PHONY: demo test lint bench clean

demo: $(READY)
	@rm -rf $(DEMO)
	@$(BIN)/lotwright demo --out $(DEMO)

test: $(READY) $(WHEELS)
	@$(BIN)/python -m pytest -n auto --dist worksteal -rs $(TESTS)

lint: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: $(READY)
	@$(BIN)/python benchmarks/run.py --fills $(FILLS)
	@$(BIN)/python benchmarks/asking.py bench-out/book-$(FILLS)0
	@$(BIN)/python benchmarks/matching.py --fills $(FILLS)0

clean:
	rm -rf $(VENV) $(DEMO) bench-out dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lotwright needs Python 3.11 or newer")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,postgres]'
	@touch $@

# What Lotwright needs to run, as wheels: the tests install it from these alone into an empty environment.
$(WHEELS): $(READY)
	@rm -rf $(VENV)/wheels
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check -c constraints.txt -w $(VENV)/wheels .
	@touch $@
