# Every verb of the repository. `make` alone lists them; the remark behind ## is the help.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ENGINE := .venv-vllm
INSTALLED := $(VENV)/installed
CUDA := nvidia-cublas cuda-toolkit cuda-bindings cuda-pathfinder triton nvidia-cudnn-cu13 nvidia-cusparselt-cu13 nvidia-nccl-cu13 \
  nvidia-nvshmem-cu13 nvidia-cuda-cupti nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver \
  nvidia-cusparse nvidia-nvjitlink nvidia-nvtx
TWO := -n logical --maxprocesses 2 --dist loadfile --no-loadscope-reorder  # processes that share the tests, file by file; one on one core
ifneq (,$(wildcard .env))
include .env
export $(shell sed -n 's/^\([A-Z0-9_]*\)=.*/\1/p' .env)
endif

.DEFAULT_GOAL := help
.PHONY: help setup setup-harness setup-serve vllm run baseline seeds export base classifier add-source check-data hooks ask review rate test-set data-diff report plan compare verify-lock merge-lock remote push pull reproduce why verify gate promote rollback prove-accepted tag-accepted publish lifecycle checklist serve canaries monitor feedback forget new comment feedback-pull-request commit-results push-tags test test-fast rehearse check fix lock benchmark tiny-base

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: $(INSTALLED)  ## create .venv and install the pinned requirements (TORCH_INDEX=<address> for another build of PyTorch)

$(INSTALLED): requirements/data.txt requirements/model.txt requirements/dev.txt
	@sh tools/setup.sh "$(PYTHON)" "$(VENV)" "$(TORCH_INDEX)"
	@touch $@

setup-harness: $(VENV)/harness  ## install lm-evaluation-harness too, for predict.harness in params.yaml

$(VENV)/harness: requirements/harness.txt $(INSTALLED)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements/harness.txt
	@touch $@
setup-serve: $(VENV)/serve  ## install what make serve needs: the server, and transformers serve

$(VENV)/serve: requirements/serve.txt $(INSTALLED)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements/serve.txt
	@touch $@

vllm: $(ENGINE)/installed  ## create .venv-vllm with the pinned vLLM, for predict.engine: vllm (Linux with a GPU, several GB)

$(ENGINE)/installed: requirements/vllm.txt
	@"$(PYTHON)" -m venv --clear "$(ENGINE)" && echo "vllm: installing into $(ENGINE); several GB are downloaded" \
	  && "$(ENGINE)/bin/python" -m pip install --disable-pip-version-check --quiet -r requirements/vllm.txt && touch $@

run: $(INSTALLED)  ## bring the pipeline up to date and print the result
	@$(BIN)/python -m pipeline.desk.run

baseline: $(INSTALLED)  ## what the prompt alone reaches, before anything is trained
	@$(BIN)/python -m pipeline.desk.baseline

seeds: $(INSTALLED)  ## how much luck there is: train with N=<number> seeds, keep the spread in reports/seeds.json
	@$(BIN)/python -m pipeline.desk.seeds "$(N)"

export: $(INSTALLED)  ## write the served model out whole, for an engine: OUT=<folder> (DTYPE=bfloat16, MAX_WORSE=<nats a token>)
	@$(BIN)/python -m pipeline.desk.export "$(or $(OUT),export)" --dtype "$(or $(DTYPE),auto)" $(if $(MAX_WORSE),--max-worse "$(MAX_WORSE)")

base: $(INSTALLED)  ## pin another base model: MODEL=<hub id or folder>
	@$(BIN)/python -m pipeline.desk.base "$(MODEL)"

classifier: $(INSTALLED)  ## pin a text classifier of the hub, which becomes a metric: NAME=<name> MODEL=<hub id>
	@$(BIN)/python -m pipeline.desk.classifier "$(NAME)" "$(MODEL)"

add-source: $(INSTALLED)  ## list a file of examples everywhere it must stand: FILE=data/raw/<name>
	@$(BIN)/python -m pipeline.desk.add_source "$(FILE)"

check-data: $(INSTALLED)  ## look for personal data, secrets and unreadable rows before you commit: FILE=<one file>, else all sources
	@$(BIN)/python -m pipeline.desk.check_data $(if $(FILE),"$(FILE)")

hooks: $(INSTALLED)  ## let git run make check-data before each commit
	@git config core.hooksPath tools/hooks && echo "hooks: git runs tools/hooks/pre-commit before each commit"

ask: $(INSTALLED)  ## the only command that pays: ask teacher and judge for the replies that are missing, MAX_COST=<US dollars>
	@$(BIN)/python -m pipeline.desk.ask "$(MAX_COST)"

review: $(INSTALLED)  ## approve, edit or reject the records that wait for a person: REVIEWER=<name>, else git's
	@$(BIN)/python -m pipeline.desk.review "$(REVIEWER)"

rate: $(INSTALLED)  ## vote between two arms' answers without knowing whose they are: RATER=<name>, else git's (ARMS="tuned prompted")
	@$(BIN)/python -m pipeline.desk.rate "$(RATER)" "$(ARMS)"

test-set: $(INSTALLED)  ## draw the frozen test set again, with the rows that wait in the slice new
	@$(BIN)/python -m pipeline.desk.test_set

data-diff: $(INSTALLED)  ## what a change does to the data: BASE=<revision>
	@$(BIN)/python -m pipeline.pull_request.data_diff "$(BASE)"

report: $(INSTALLED)  ## the pull request's comment, from files alone: BASE=<revision> (IMAGES=<address of the plots' folder>)
	@$(BIN)/python -m pipeline.pull_request.report "$(BASE)" "$(IMAGES)"

plan: $(INSTALLED)  ## what would run, why, and what it would take, before anything runs (BASE=<revision>: and what the branch changed)
	@$(BIN)/python -m pipeline.pull_request.plan "$(BASE)"

verify-lock: $(INSTALLED)  ## is dvc.lock of this tree, and has the remote all that it names? needs no cache, writes nothing (REMOTE=no asks none)
	@$(BIN)/python -m pipeline.pull_request.verify_lock "$(REMOTE)"

merge-lock: $(INSTALLED)  ## settle a merge conflict in dvc.lock: take each stage from the side that fits, restore, train nothing
	@$(BIN)/python -m pipeline.pull_request.merge_lock

remote: $(INSTALLED)  ## where objects are kept for all clones: URL=<s3://, gs://, azure://, ssh://, folder; else one beside the project>
	@$(BIN)/python -m pipeline.desk.remote "$(URL)" "$(ENDPOINT)"

push: $(INSTALLED)  ## hand this commit's objects and the run cache to the remote
	@$(BIN)/python -m pipeline.pull_request.push

pull: $(INSTALLED)  ## fetch from the remote what it has of this commit, and the run cache (BASE=<revision>: and that one's answers)
	@$(BIN)/python -m pipeline.pull_request.pull "$(BASE)"

compare: $(INSTALLED)  ## this tree's models beside a baseline commit's, pair by pair, and where the yardstick moved: BASE=<revision>
	@$(BIN)/python -m pipeline.pull_request.compare "$(BASE)"

reproduce: $(INSTALLED)  ## run a past commit again and compare every output and metric: REV=<revision> (CACHE=no, ENV=new)
	@$(BIN)/python -m pipeline.pull_request.reproduce "$(REV)" "$(CACHE)" "$(ENV)"

why: $(INSTALLED)  ## what made the metrics move since a commit, by hashes: BASE=<revision> (RUN=<kind> runs with that change alone)
	@$(BIN)/python -m pipeline.pull_request.why "$(BASE)" "$(RUN)"

verify: $(INSTALLED)  ## recompute the reports and hash all that dvc.lock names, write nothing (ALLOW_MISSING=yes, REMOTE=yes: its objects too)
	@$(BIN)/python -m pipeline.pull_request.verify "$(ALLOW_MISSING)" "$(REMOTE)"

gate: $(INSTALLED)  ## hold the reports to the rules of params.yaml: exit 1 where one fails
	@$(BIN)/python -m pipeline.pull_request.gate

canaries: $(INSTALLED)  ## ask the canaries of task/canaries of what is served: URL=<address up to /v1>; exit 1 where one fails
	@$(BIN)/python -m pipeline.production.canaries "$(URL)"

monitor: $(INSTALLED)  ## what the logs of production say, exit 1 on an alert: SINCE=<7d, or a time> (UNTIL=<time> LOGS=<place>)
	@$(BIN)/python -m pipeline.production.monitor "$(SINCE)" "$(UNTIL)" "$(LOGS)"

promote: $(INSTALLED)  ## make this commit's tuned model the accepted one, the one in production: WHY="<reason>" (WHO=<name>, else git's)
	@$(BIN)/python -m pipeline.pull_request.promote

rollback: $(INSTALLED)  ## take the accepted model out of production: TO=<revision>, else the one before (WHY="<reason>" WHO=<name>)
	@$(BIN)/python -m pipeline.pull_request.rollback

prove-accepted: $(INSTALLED)  ## prove that the accepted model can be had, is what it says, loads, and answers as it did
	@$(BIN)/python -m pipeline.pull_request.prove

tag-accepted: $(INSTALLED)  ## tag the accepted model's version and stage in git, as GTO reads them
	@$(BIN)/python -m pipeline.pull_request.tag

publish: $(INSTALLED)  ## put the accepted model where publish.to of params.yaml says, whole or not at all
	@$(BIN)/python -m pipeline.pull_request.publish

lifecycle: $(INSTALLED)  ## until when the models can be had that this tree names: exit 1 where one is over or can move
	@$(BIN)/python -m pipeline.pull_request.lifecycle

checklist: $(INSTALLED)  ## should we fine-tune at all? checks with evidence, and what to do: prompt, retrieve, collect data, fine-tune
	@$(BIN)/python -m pipeline.desk.checklist

serve: $(INSTALLED) $(VENV)/serve  ## the accepted model behind an OpenAI-compatible endpoint, recorded: REV=<commit> or MODEL=<folder>, PORT=
	@$(BIN)/python -m pipeline.production.serve --revision "$(REV)" --model "$(MODEL)" --port "$(PORT)"

feedback: $(INSTALLED)  ## failures in production become candidates to review, approved ones data: SINCE=7d LOGS=<place> (INCIDENT= IDS= COMMIT=no)
	@$(BIN)/python -m pipeline.production.feedback

forget: $(INSTALLED)  ## remove a person from sources, ledgers, cache and remotes: ID=<record, group, person-..., text:...>
	@$(BIN)/python -m pipeline.desk.forget "$(ID)"

new: $(INSTALLED)  ## empty the sample and rename the project: NAME=<name>
	@$(BIN)/python -m pipeline.desk.new "$(NAME)"

comment:  ## in a workflow: write the report of a pull request as its one comment, or bring it up to date
	@$(PYTHON) -m tools.comment

feedback-pull-request:  ## in a workflow: push the branch of make feedback, and open or update its pull request
	@$(PYTHON) -m tools.feedback_pull_request

commit-results:  ## in a workflow: commit dvc.lock and reports of a run, and push them to the branch that was trained
	@$(PYTHON) -m tools.commit_results

push-tags:  ## in a workflow: push the tags of make tag-accepted
	@$(PYTHON) -m tools.push_tags

test: $(INSTALLED)  ## all tests, the real pipeline end to end among them
	@$(BIN)/python -m pytest $(TWO) -m "not rehearsal"

rehearse: $(INSTALLED) $(VENV)/harness  ## the long trials, minutes each: training is killed again and again
	@$(BIN)/python -m pytest $(TWO) -m rehearsal

test-fast: $(INSTALLED)  ## the tests that take seconds
	@$(BIN)/python -m pytest $(TWO) -m "not slow"

check: $(INSTALLED)  ## lint, types, workflows; writes nothing
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/zizmor --offline --quiet --persona auditor .github \
	  && $(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml \
	  && $(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

fix: $(INSTALLED)  ## mend what a tool can mend
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lock:  ## pin the requirements again from requirements/*.in (needs uv)
	@cd requirements && for name in data model dev harness serve remote-s3 remote-gs remote-azure remote-ssh; do \
	  uv pip compile -q --universal --python-version 3.11 --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	    $(foreach package,$(CUDA),--no-emit-package $(package)) $$name.in -o $$name.txt; done
	@cd requirements && uv pip compile -q --python-version 3.11 --python-platform x86_64-manylinux_2_28 --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links vllm.in -o vllm.txt

benchmark: $(INSTALLED)  ## measure what docs/benchmarks.md states
	@$(BIN)/python -m benchmarks.default_run

tiny-base: $(INSTALLED)  ## make the embedded default base again from its recipe (an hour on two cores)
	@$(BIN)/python -m tools.tiny_base models/tiny-base && $(BIN)/python -m tools.card models/tiny-base && $(MAKE) base MODEL=models/tiny-base
