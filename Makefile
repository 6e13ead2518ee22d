# `make demo` and `make test` set up everything that they need in .venv; nothing else is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WHEEL_SOURCES := $(shell find mots trackers -name '*.py' -o -name '*.pt' | grep -v '^mots/trackers/')

export OMP_WAIT_POLICY := PASSIVE
export NO_MKDOCS_2_WARNING := 1

.PHONY: demo test check docs format clean

demo: $(VENV)/.wheel
	$(BIN)/mots demo

test: $(VENV)/.wheel
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests tools
	$(BIN)/mkdocs build --quiet
	$(BIN)/pytest -n 2

# The documentation, into build/site.
docs: $(VENV)/.wheel
	$(BIN)/mkdocs build

# The checks without the tests.
check: $(VENV)/.wheel
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests tools

format: $(VENV)/.packages
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Everything that we depend on, in the tested versions. torch is named in the same command as what needs it: otherwise
# pip takes its newest build.
$(VENV)/.packages: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch torchvision '.[models,dev]'
	touch $@

# Tests and the demo run on the installed wheel, as users do.
$(VENV)/.wheel: $(VENV)/.packages $(WHEEL_SOURCES) pyproject.toml README.md
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall build/wheel/*.whl
	touch $@

clean:
	rm -rf build dist runs .mypy_cache .ruff_cache .pytest_cache .hypothesis
