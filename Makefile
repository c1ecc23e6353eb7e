# demo · test · lint · bench · lock. Everything runs in .venv, which is made on first use.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
ONLY ?=

.PHONY: demo test lint bench lock

demo: $(INSTALLED)
	$(BIN)/kamkit demo

test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not browser and not install" tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --nbval-lax --nbval-cell-timeout=120 -o addopts= notebooks

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks $(ONLY)

lock: $(INSTALLED)
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --extra test --extra dev \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --output-file requirements.lock

$(INSTALLED): pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@
