# Scout. `make` alone tells what there is.

DIR  ?= /tmp
GRPC ?= 3000
HTTP ?= 3001

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PIP    := $(BIN)/python -m pip --disable-pip-version-check
PYTEST ?= $(BIN)/python -m pytest
PROTOC := $(BIN)/python -m grpc_tools.protoc -Iscout/wire=protos
ARGS   ?=

.DELETE_ON_ERROR:
.PHONY: help run test test-packaging test-debian13 quick lint format proto proto-check chart lock deb bench bench-compare clean

help:
	@echo "make run             start a master and a scout on DIR, show /files, until Ctrl-C"
	@echo "                     (DIR=$(DIR) GRPC=$(GRPC) HTTP=$(HTTP))"
	@echo "make test            all tests but those of packaging (ARGS='-k storm' for some of them)"
	@echo "make test-packaging  the tests of package, units, image and chart; some need root"
	@echo "make test-debian13   what make test does, in a Debian 13 with its Python; as root"
	@echo "make quick           lint, and the tests of the pure cores: half a minute"
	@echo "make lint            formatting, ruff, mypy, import contracts"
	@echo "make format          format, and mend what can be mended"
	@echo "make proto           generate scout/wire/scout_pb2.py from protos/scout.proto"
	@echo "make proto-check     fail if that was forgotten"
	@echo "make lock            pin the newest versions in requirements.txt and requirements-dev.txt"
	@echo "make chart           copy the alerts and the dashboard into the chart"
	@echo "make deb             the Debian package for this host's Debian, in dist/"
	@echo "make bench           measure (ARGS='--help' tells what)"
	@echo "make bench-compare   measure, and compare with the figures that are checked in"
	@echo "make clean           remove everything that was made here"

# The environment that everything here runs in, with the pinned versions.
$(READY): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "make: $(PYTHON) is missing or older than 3.11; name another: make PYTHON=python3.12" >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "make: Python's venv is missing; do: apt-get install python3-venv" >&2; exit 1; }
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --quiet --require-hashes -r requirements-dev.txt
	@# It would warn in ten lines that the sources are used where they lie, which is the intent.
	PYTHONWARNINGS=ignore $(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

run: $(READY)
	@$(BIN)/python packaging/demo.py "$(DIR)" $(GRPC) $(HTTP)

test: $(READY)
	$(PYTEST) tests --ignore=tests/packaging $(ARGS)

test-packaging: $(READY)
	tests/packaging/install.sh
	$(PYTEST) tests/packaging $(ARGS)

test-debian13:
	tests/packaging/install.sh
	tests/packaging/suite.sh .cache/packaging/debian13 '$(ARGS)'

quick: lint
	$(PYTEST) tests/core -q $(ARGS)

lint: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

proto: $(READY)
	$(PROTOC) --python_out=. --pyi_out=. protos/scout.proto

proto-check: $(READY)
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
	$(PROTOC) --python_out="$$fresh" --pyi_out="$$fresh" protos/scout.proto && \
	for file in scout_pb2.py scout_pb2.pyi; do \
	    diff -u scout/wire/$$file "$$fresh/scout/wire/$$file" || { \
	        echo "make: scout/wire/$$file is not what protos/scout.proto says; do: make proto" >&2; \
	        exit 1; }; \
	done

# For every supported Python and machine at once, which pip alone cannot do.
UV := .cache/lock/bin/uv
COMPILE = $(UV) pip compile --quiet --no-config --system-certs --upgrade --universal \
    --python-version 3.11 --generate-hashes --no-header

$(UV):
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/pip install --quiet --disable-pip-version-check uv==0.13.9

lock: $(UV)
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) --extra dev --constraint requirements.txt pyproject.toml -o requirements-dev.txt

chart:
	cp packaging/prometheus/scout-rules.yaml packaging/prometheus/dashboard.json helm/scoutmaster/files/

deb:
	packaging/deb/build dist

bench: $(READY)
	$(BIN)/python -m bench $(ARGS)

bench-compare: $(READY)
	$(BIN)/python -m bench $(ARGS) --compare

clean:
	rm -rf $(VENV) .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf build dist *.egg-info
	find scout scoutmaster tests packaging -name __pycache__ -prune -exec rm -rf {} +
