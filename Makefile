# Every verb of the repository. `make` alone lists them; the remark behind ## is the help.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
CUDA := nvidia-cublas cuda-toolkit cuda-bindings cuda-pathfinder triton nvidia-cudnn-cu13 nvidia-cusparselt-cu13 nvidia-nccl-cu13 \
  nvidia-nvshmem-cu13 nvidia-cuda-cupti nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver \
  nvidia-cusparse nvidia-nvjitlink nvidia-nvtx
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup run baseline base add-source new test test-fast check fix lock benchmark tiny-base

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: $(INSTALLED)  ## create .venv and install the pinned requirements (TORCH_INDEX=<address> for another build of PyTorch)

$(INSTALLED): requirements/data.txt requirements/model.txt requirements/dev.txt
	@sh tools/setup.sh "$(PYTHON)" "$(VENV)" "$(TORCH_INDEX)"
	@touch $@

run: $(INSTALLED)  ## bring the pipeline up to date and print the result
	@python -m pipeline.desk.run

baseline: $(INSTALLED)  ## what the prompt alone reaches, before anything is trained
	@python -m pipeline.desk.baseline

base: $(INSTALLED)  ## pin another base model: MODEL=<hub id or folder>
	@python -m pipeline.desk.base "$(MODEL)"

add-source: $(INSTALLED)  ## list a file of examples everywhere it must stand: FILE=data/raw/<name>
	@python -m pipeline.desk.add_source "$(FILE)"

new: $(INSTALLED)  ## empty the sample and rename the project: NAME=<name>
	@python -m pipeline.desk.new "$(NAME)"

test: $(INSTALLED)  ## all tests, the real pipeline end to end among them
	@python -m pytest

test-fast: $(INSTALLED)  ## the tests that take seconds
	@python -m pytest -m "not slow"

check: $(INSTALLED)  ## lint, types, workflows; writes nothing
	@ruff check . && ruff format --check . && mypy && zizmor --offline --quiet .github/workflows \
	  && check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

fix: $(INSTALLED)  ## mend what a tool can mend
	@ruff check --fix . && ruff format .

lock:  ## pin the requirements again from requirements/*.in (needs uv)
	@cd requirements && for name in data model dev; do \
	  uv pip compile -q --universal --python-version 3.11 --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	    $(foreach package,$(CUDA),--no-emit-package $(package)) $$name.in -o $$name.txt; done

benchmark: $(INSTALLED)  ## measure what docs/benchmarks.md states
	@python -m benchmarks.default_run

tiny-base: $(INSTALLED)  ## make the embedded default base again from its recipe (an hour on two cores)
	@python -m tools.tiny_base models/tiny-base
