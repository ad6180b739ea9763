# `make run` runs the platform on the simulated city, `make test` passes the tests; each does all
# its own set-up. Needed: Python 3.11 to 3.13 and make.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
DAYS   ?= 7

export DO_NOT_TRACK := 1
# Where the system keeps certificates of its own, uv trusts those, as pip does.
export UV_SYSTEM_CERTS := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs),1,0)
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help run serve test soak lint docs bench lock clean

help:             ## show what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

run: $(VENV)/ready        ## run the whole platform on the simulated city
	@$(BIN)/python -m simulator.demo --days $(DAYS)

test: $(VENV)/ready-dev   ## pass all the tests that a user needs
	@$(BIN)/pytest -n 2 --no-loadscope-reorder

serve: $(VENV)/ready      ## serve the present, http://127.0.0.1:8020; a simulated city goes on meanwhile
	@$(BIN)/python -m simulator.present

soak: $(VENV)/ready-dev   ## the long proofs
	@MOBILAKE_EXAMPLES=2 MOBILAKE_KILLS=50 $(BIN)/pytest tests/soak \
	  $(addprefix tests/integration/test_,replay.py stream.py kafka.py)

lint: $(VENV)/ready-dev   ## all linters
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/yamllint --strict .
	@$(BIN)/sqlfluff lint --processes 2 models tests/data tests/tides

docs: $(VENV)/ready       ## describe every model, column and rule: target/static_index.html, docs/rules.md
	@$(BIN)/dbt --quiet docs generate --static
	@$(BIN)/python -m quality.rules seeds/quality_rules.csv docs/rules.md
	@echo "Open target/static_index.html and docs/rules.md."

bench: $(VENV)/ready-dev  ## measure, as ratios against a bare baseline in the same run
	@$(BIN)/python -m bench

lock: $(VENV)/uv          ## resolve the dependencies anew
	@$(UV) pip compile -q --upgrade --universal --generate-hashes --no-header --no-annotate \
	  --python-version 3.11 pyproject.toml -o requirements.lock
	@$(UV) pip compile -q --universal --generate-hashes --no-header --no-annotate \
	  --python-version 3.11 --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:            ## remove what was set up and built, not the data
	rm -rf $(VENV) target logs

# The environment holds just what the lock says, checked by hash. uv itself stands in the lock.
$(VENV)/uv:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else \
	  "Mobilake needs Python 3.11 to 3.13, this is %d.%d: name another one, make PYTHON=python3.12" % v)'
	@echo "Setting up $(VENV), once: about 900 MB …"
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module is missing: on Debian and Ubuntu, apt-get install python3-venv."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
	  -r requirements-uv.lock
	@touch $@

$(VENV)/ready: requirements.lock pyproject.toml $(VENV)/uv
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes requirements-uv.lock \
	  $(if $(wildcard $(VENV)/ready-dev),requirements-dev.lock,requirements.lock)
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/ready-dev: requirements-dev.lock requirements.lock pyproject.toml $(VENV)/uv
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes requirements-dev.lock requirements-uv.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/ready
