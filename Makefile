# `make demo` and `make test` need Debian's or Ubuntu's python3.11, python3.11-venv and make, and nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin

# Paths are relative: an absolute one may hold spaces, which make cannot.
CHECKS := check-style check-types check-imports check-generated
.PHONY: $(CHECKS) demo test fast faults generate matrix presets pictures lock clean image sbom audit container-test serving-benchmark bench-smoke bench-peers bench-baselines

demo: $(VENV)/.installed
	$(BIN)/python -m trimtab run examples/digits.yaml

# Installing waits for the network, and many tests for processes and sockets: one more at a time than two processors.
WORKERS := 3
test:
	@"$(MAKE)" -j $(WORKERS) $(VENV)/.installed-dev $(VENV)/moto/.installed $(VENV)/mlflow/.installed $(CHECKS)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

fast: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

$(CHECKS): $(VENV)/.installed-dev
check-style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
check-types:
	$(BIN)/mypy
check-imports:
	$(BIN)/lint-imports
check-generated:
	$(BIN)/python tools/generate.py --check

# Kills, damage, bombs and crowds; a line of JSON a group, and no success unless all that must be zero is:
# docs/faults.md. GROUPS names some of them; `make test` runs a few faults of each.
GROUPS :=
faults: $(VENV)/.installed-dev
	PYTHONPATH=tests $(BIN)/python -m faults $(GROUPS)

# Of the model that `make demo` deployed; see the file for what is measured and demanded.
serving-benchmark: $(VENV)/.installed
	$(BIN)/python benchmarks/serving.py runs/deployed/digits --rounds 20 --swaps 3

# That each benchmark still runs, as small as it goes; its figures mean nothing.
bench-smoke: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/data_prep.py --rows 2000 --workers 1
	$(BIN)/python benchmarks/train_throughput.py --images 64 --batch-size 32 --repetitions 1 --architecture mlp --variants trimtab
	$(BIN)/python benchmarks/choice.py --runs 20 --candidates 3 --examples 351 --truths margin
	$(BIN)/python benchmarks/coverage.py --runs 20 --examples 300 --metrics accuracy roc_auc mae
	$(BIN)/python benchmarks/choice_limits.py --runs 5 --examples 500 --metrics roc_auc --rows copies
	$(BIN)/python benchmarks/defaults.py --sets iris || [ $$? = 1 ]
	rm -rf runs/bench-smoke
	$(BIN)/python benchmarks/overhead.py benchmarks/smoke.yaml --limit 100 --output runs/bench-smoke
	$(BIN)/python benchmarks/serving.py runs/bench-smoke/deployed/smoke --limit 0 --rounds 2 --seconds 0.2 --connections 2 --swaps 2

# Beside what other tools make of the same model; CIFAR10=folder RESNET8=file say where work (b) finds both, DATA=folder where the
# data sets of the WORKS that begin with a training are; without them it says so. Each keeps the rows of the others.
WORKS := a c d e f
bench-peers: $(VENV)/.installed-dev $(VENV)/peers/.installed
	$(BIN)/python benchmarks/peers.py $(if $(CIFAR10),--cifar10 "$(CIFAR10)") $(if $(RESNET8),--resnet8 "$(RESNET8)") \
		--peers $(VENV)/peers/bin/python --json docs/benchmarks.json
	for work in $(WORKS); do $(BIN)/python benchmarks/peers_trained.py $$work $(if $(DATA),--data "$(DATA)") \
		--peers $(VENV)/peers/bin/python --json docs/benchmarks.json; done

# The models that these works begin with, into runs/bench-peers: (a) and (c) take hours on two cores, the others minutes.
bench-baselines: $(VENV)/.installed-dev
	for work in $(WORKS); do $(BIN)/python benchmarks/peers_trained.py $$work $(if $(DATA),--data "$(DATA)") --baseline; done

generate: $(VENV)/.installed-dev
	$(BIN)/python tools/generate.py

# What each pass makes of each kind of layer, by some 400 small runs, for docs/matrix.md: ten minutes.
matrix: $(VENV)/.installed-dev
	PYTHONPATH=tests $(BIN)/python -m compress.matrix

# What becomes of presets' architectures, for docs/presets.md: some 260 cells, each in a process of its own. What is made is
# kept in KEPT, and not made again.
KEPT := runs/presets.jsonl
presets: $(VENV)/.installed-dev
	mkdir -p $(dir $(KEPT))
	PYTHONPATH=tests $(BIN)/python -m models.preset_table $(KEPT)

# Of TensorBoard, for docs/tensorboard.md: of a run of the demo, by Chromium (CHROMIUM=/path/to/it). Look at them.
pictures: $(VENV)/.installed
	$(BIN)/python -m trimtab run examples/digits.yaml --output runs/pictures
	$(BIN)/python tools/tensorboard_pictures.py runs/pictures

# The lock files name versions and hashes, and no place to get them from. An extra's, and the GPU image's, have what comes
# on top of the first; those to serve stand alone, with the same versions.
COMPILE := $(BIN)/uv pip compile -q --generate-hashes --no-header --no-emit-index-url
EXTRAS := hub mlflow onnx openvino tflite
SERVED := hub onnx openvino
lock: $(VENV)/.installed-dev
	$(COMPILE) --universal pyproject.toml --extra train -o requirements.lock
	$(COMPILE) --universal pyproject.toml --group dev --all-extras -c requirements.lock -o requirements-dev.lock
	for extra in $(EXTRAS); do $(BIN)/python tools/extra.py "$$extra" | \
		$(COMPILE) --universal - -c requirements.lock -o "requirements-$$extra.lock"; done
	$(COMPILE) --universal pyproject.toml --extra serve -c requirements.lock -o requirements-serve.lock
	for runtime in $(SERVED); do \
		$(COMPILE) --universal pyproject.toml --extra "serve-$$runtime" -c requirements-dev.lock -o "requirements-serve-$$runtime.lock"; done
	$(BIN)/python tools/extra.py build-system | $(COMPILE) --universal - -c requirements.lock -o requirements-build.lock
	echo 'tensorflow[and-cuda]' | $(COMPILE) --python-version 3.11 - -c requirements.lock -o requirements-gpu.lock
	echo 'moto[server]>=5.2,<6' | $(COMPILE) --universal --python-version 3.11 - -o requirements-moto.lock
	printf 'cyclonedx-bom>=7,<8\npip-audit>=2.9,<3\n' | $(COMPILE) --universal --python-version 3.11 - -o requirements-audit.lock
	echo 'ai-edge-quantizer>=0.10,<0.11' | $(COMPILE) --universal --python-version 3.11 - -o requirements-peers.lock
	echo 'uv>=0.9' | $(COMPILE) --universal - -c requirements-dev.lock -o requirements-uv.lock
	echo 'mlflow>=3.1,<4' | $(COMPILE) --universal --python-version 3.11 - -o requirements-mlflow-server.lock

# IMAGE, BASE and TARGET (cpu, gpu, serve) are yours to set; BUILD_ARGS goes to `docker build`. Debian's own client builds with
# BuildKit; others may need their buildx plugin.
TARGET := cpu
IMAGE := trimtab:0.1.0$(if $(filter-out cpu,$(TARGET)),-$(TARGET))
BASE := python:3.11-slim
BUILD_ARGS :=
DOCKER := $(or $(wildcard /usr/bin/docker),docker)
STAND_IN := trimtab-base:bookworm

image:
	DOCKER_BUILDKIT=1 "$(DOCKER)" build $(BUILD_ARGS) --target "$(TARGET)" --tag "$(IMAGE)" --build-arg "BASE=$(BASE)" \
		--build-arg "VERSION=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/trimtab/__init__.py)" \
		--build-arg "REVISION=$$(git describe --always --dirty --abbrev=40 --exclude '*' 2>/dev/null || echo unknown)" .
	@echo "$(IMAGE): $$("$(DOCKER)" image inspect --format '{{.Size}} bytes, {{.Id}}' "$(IMAGE)")"

# What an image holds, as CycloneDX: the Python packages; those of its base are in its base's own.
sbom:
	@"$(DOCKER)" run --rm --network none --entrypoint cat "$(IMAGE)" /opt/trimtab/sbom.cdx.json

# Known vulnerabilities of what the images are made of; it fails, too, where it has no data of some, as without a network.
SHIPPED := requirements.lock $(EXTRAS:%=requirements-%.lock) requirements-gpu.lock requirements-serve.lock
audit: $(VENV)/audit/.installed
	$(BIN)/python tools/audit.py $(VENV)/audit/bin/pip-audit $(SHIPPED)

# As root, on a machine that reaches package registries but no image registry: the base is made of Debian's packages.
container-test: $(VENV)/.installed-dev $(VENV)/moto/.installed $(VENV)/mlflow/.installed
	tools/stand_in_base.sh "$(STAND_IN)"
	$(MAKE) image IMAGE="$(IMAGE)" BASE="$(STAND_IN)" BUILD_ARGS="--network host" & \
		$(MAKE) image IMAGE="$(IMAGE)-serve" TARGET=serve BASE="$(STAND_IN)" BUILD_ARGS="--network host" && wait $$!
	TRIMTAB_TEST_IMAGE="$(IMAGE)" TRIMTAB_TEST_SERVER_IMAGE="$(IMAGE)-serve" \
		$(BIN)/python -m pytest tests/container -n 2 --dist loadgroup

clean:
	rm -rf $(VENV) build *.egg-info src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 is missing: apt-get install python3.11 python3.11-venv" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || \
		{ echo "expected Python 3.11 or 3.12, found $$("$(PYTHON)" --version): apt-get install python3.11 python3.11-venv," \
		"or name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing: apt-get install python3-venv (or python3.11-venv)" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

# uv installs in a tenth of pip's time, and pip, which brings it, stays for whom uv does not reach what pip is set up for. The
# configuration is what `make lock` wants, and no lock is read with it.
$(BIN)/uv: $(VENV)/bin/python requirements-uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	touch $@
install = $(BIN)/uv pip install --quiet --no-config --python $(1)/bin/python --require-hashes -r $(2) $(3) || \
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(2)

$(VENV)/.installed: $(BIN)/uv requirements.lock pyproject.toml
	$(call install,$(VENV),requirements.lock,--compile-bytecode)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src components pipelines
	touch $@

# A server of S3 for tests, apart: it needs an older python-dateutil than the lock has.
$(VENV)/moto/.installed: $(BIN)/uv requirements-moto.lock
	"$(PYTHON)" -m venv $(VENV)/moto
	$(call install,$(VENV)/moto,requirements-moto.lock)
	touch $@

# Peers of `make bench-peers`, apart: what they bring along is theirs.
$(VENV)/peers/.installed: $(BIN)/uv requirements-peers.lock
	"$(PYTHON)" -m venv $(VENV)/peers
	$(call install,$(VENV)/peers,requirements-peers.lock)
	touch $@

# A server of MLflow for tests, apart: it needs pandas, Flask, and a database's client.
$(VENV)/mlflow/.installed: $(BIN)/uv requirements-mlflow-server.lock
	"$(PYTHON)" -m venv $(VENV)/mlflow
	$(call install,$(VENV)/mlflow,requirements-mlflow-server.lock)
	touch $@

# What asks for advisories and lists packages, apart: neither is a part of what it looks at.
$(VENV)/audit/.installed: $(BIN)/uv requirements-audit.lock
	"$(PYTHON)" -m venv $(VENV)/audit
	$(call install,$(VENV)/audit,requirements-audit.lock)
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(call install,$(VENV),requirements-dev.lock)
	touch $@
