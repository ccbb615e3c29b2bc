# `make help` lists what there is. Everything works in a fresh clone: each target installs what it
# needs, once. Other interpreters: make test PYTHON=/path/to/python3.13 VENV=.venv313

.DEFAULT_GOAL := help
.PHONY: help dev test contracts e2e simulate faults fuzz bench lint types build deploy lock clean
.DELETE_ON_ERROR:

VENV ?= .venv
BIN = $(VENV)/bin
CLIENT_VENV ?= .venv-client
EMULATOR_VENV ?= .venv-emulator
# Interpreters are tried by running them: a name on PATH may be a shim with nothing behind it.
PYTHON ?= $(shell scripts/find-python 3.11+)
# The emulator runs the functions with its own interpreter: the deployed one if it is here.
EMULATOR_PYTHON ?= $(or $(shell scripts/find-python 3.13),$(PYTHON))
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
ARCH ?= arm64
SEEDS ?= 200
FRAMES ?= 200000
SEED ?= 1
UV_VERSION = 0.13.8
# More words for pytest, parley, uv or sam: make test ARGS="-k mailbox"
ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export SAM_CLI_TELEMETRY ?= 0

# Twice quiet leaves the errors.
PIP_INSTALL = -m pip install -qq
HASHED = $(PIP_INSTALL) --require-hashes -r

define make-venv
@test -n "$(1)" || { echo "No working Python 3.11 or newer found; say PYTHON=/path/to/python3" >&2; exit 1; }
@echo "Making $(@D) with $(1)"
@"$(1)" -m venv $(@D)
endef

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][^:]*:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# ---- Environments: one stamp each, so that a second run installs nothing ----------------------

$(VENV)/pyvenv.cfg:
	$(call make-venv,$(PYTHON))

$(CLIENT_VENV)/pyvenv.cfg:
	$(call make-venv,$(PYTHON))

$(EMULATOR_VENV)/pyvenv.cfg:
	$(call make-venv,$(EMULATOR_PYTHON))

.build/tools/pyvenv.cfg:
	$(call make-venv,$(PYTHON))

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "Installing the runtime's requirements into $(VENV)"
	@$(BIN)/python $(HASHED) requirements/runtime.txt
	@$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.runtime
	@echo "Installing the tests' requirements into $(VENV)"
	@$(BIN)/python $(HASHED) requirements/test.txt
	@touch $@

$(CLIENT_VENV)/.ready: requirements/client.txt | $(CLIENT_VENV)/pyvenv.cfg
	@$(CLIENT_VENV)/bin/python $(HASHED) requirements/client.txt
	@touch $@

$(EMULATOR_VENV)/.ready: requirements/emulator.txt | $(EMULATOR_VENV)/pyvenv.cfg
	@$(EMULATOR_VENV)/bin/python $(HASHED) requirements/emulator.txt
	@touch $@

.build/tools/.uv: Makefile | .build/tools/pyvenv.cfg
	@.build/tools/bin/python $(PIP_INSTALL) uv==$(UV_VERSION)
	@touch $@

# ---- Work ------------------------------------------------------------------------------------

dev: $(VENV)/.runtime ## Run everything here, on one port
	@$(BIN)/parley dev $(ARGS)

test: $(VENV)/.test $(CLIENT_VENV)/.ready ## All tests that need no emulator
	$(BIN)/python -m pytest -m "not emulator" -n $(JOBS) $(ARGS)

contracts: $(VENV)/.test $(EMULATOR_VENV)/.ready ## The adapters against the AWS emulator
	$(BIN)/python -m pytest -m emulator tests/contracts $(ARGS)

e2e: $(VENV)/.test $(EMULATOR_VENV)/.ready ## Deploy template.yaml to the emulator and use it
	$(BIN)/python -m pytest -m emulator tests/e2e $(ARGS)

simulate: $(VENV)/.test ## The mailbox under crashes and lost wakes: SEEDS=200
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

faults: $(VENV)/.test $(if $(SHORT),,$(EMULATOR_VENV)/.ready) ## Processes killed at every step; SHORT=1: some steps
	$(if $(SHORT),,FAULTS=long) $(BIN)/python -m pytest tests/faults tests/backends/test_history_faults.py \
		$(if $(SHORT),,tests/deleting tests/wire/test_growth.py) -n $(JOBS) \
		$(if $(SHORT),-m "not emulator") $(ARGS)

fuzz: $(VENV)/.test $(CLIENT_VENV)/.ready ## Random frames for longer: FRAMES=200000 SEED=1
	FUZZ_FRAMES=$(FRAMES) FUZZ_SEED=$(SEED) $(BIN)/python -m pytest tests/fuzz -n $(JOBS) $(ARGS)

bench: $(VENV)/.runtime ## What streaming costs in real time, here
	@$(BIN)/python -m benchmarks.push
	@$(BIN)/python -m benchmarks.stops

lint: $(VENV)/.test ## Style, layers, template
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/cfn-lint template.yaml

types: $(VENV)/.test ## mypy --strict
	$(BIN)/mypy benchmarks examples shared functions tests scripts

# ---- Artifact and deployment -----------------------------------------------------------------

build: .build/tools/pyvenv.cfg ## The functions' artifact and its size (ARCH=arm64)
	@.build/tools/bin/python -m scripts.build --arch $(ARCH) --zip $(ARGS)

# `sam build` calls these with ARTIFACTS_DIR; the first one stages, all of them copy.
build-WsConnect build-SendMessage build-Worker build-Sweep build-Executor: .build/tools/pyvenv.cfg
	@.build/tools/bin/python -m scripts.build --arch $(ARCH) --into "$(ARTIFACTS_DIR)"

deploy: ## Build and deploy with SAM; asks, with samconfig.toml as the defaults
	sam build
	sam deploy --guided $(ARGS)

LOCK = .build/tools/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(ARGS)

lock: .build/tools/.uv ## Make the locks again; newer versions: ARGS=--upgrade
	$(LOCK) pyproject.toml -o requirements/lambda.txt
	$(LOCK) pyproject.toml --extra local -c requirements/lambda.txt -o requirements/runtime.txt
	$(LOCK) pyproject.toml --extra local --extra test -c requirements/runtime.txt -o requirements/test.txt
	$(LOCK) requirements/client.in -o requirements/client.txt
	$(LOCK) requirements/emulator.in -o requirements/emulator.txt

clean: ## Remove what was built, and caches; environments stay
	rm -rf .build .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find benchmarks examples shared functions tests scripts agents library -name __pycache__ -type d -prune -exec rm -rf {} +
