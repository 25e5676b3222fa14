# Everything that needs building goes through here; `make help` lists the targets.

SWIFT ?= swift
# A target may import only what Package.swift says.
FENCE := --explicit-target-dependency-import-check error
SOURCES := Sources Tests Package.swift

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests setup-weights build ablation test test-analysis test-slurm torture fuzz-images lint format clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## Install the Debian packages that are missing; no network where nothing is.
	@scripts/setup.sh

setup-tests: ## The same, and a Python that reads the results.
	@scripts/setup.sh --tests

setup-weights: ## Install torch, timm and transformers for the tests of weights (1.2 GB); without them these are skipped.
	@scripts/setup.sh --weights

build: setup ## Build the program in release.
	$(SWIFT) build -c release $(FENCE) --product cjepa-exp

ablation: build ## Train experiments/ablation.spec and print its table; goes on where it was stopped.
	"$$($(SWIFT) build -c release --show-bin-path)/cjepa-exp" run experiments/ablation.spec

test: setup-tests lint ## Check the format, build everything in release and run every test.
	$(SWIFT) test -c release $(FENCE)
	$(MAKE) test-analysis

test-analysis: ## Test the Python package on results of the built program; skipped where PyPI cannot be reached.
	@scripts/test_analysis.sh "$$($(SWIFT) build -c release --show-bin-path)/cjepa-exp"

test-slurm: build ## Run a matrix on a real Slurm on this machine (about a minute); installs slurm-wlm and munge.
	Tests/Slurm/run.sh "$$($(SWIFT) build -c release --show-bin-path)/cjepa-exp"

torture: build ## Kill and resume runs for ten minutes (SECONDS_PER_RUN=200 for each of three), and compare.
	"$$($(SWIFT) build -c release --show-bin-path)/cjepa-exp" verify-resume experiments/smoke.spec --kills 100000 \
	  --seconds $(or $(SECONDS_PER_RUN),200) --set training.steps=2000 --set evaluation.every_steps=200 \
	  --set resources.checkpoint_steps=1

fuzz-images: ## Read 10⁵ damaged pictures and as many files of each other kind, weights too (MUTATIONS=…, SEED=…); twenty minutes on two cores.
	IMAGE_MUTATIONS=$(or $(MUTATIONS),100000) CONTAINER_MUTATIONS=$(or $(MUTATIONS),100000) \
	  PACK_MUTATIONS=$(or $(MUTATIONS),100000) WEIGHT_MUTATIONS=$(or $(MUTATIONS),100000) IMAGE_MUTATION_SEED=$(or $(SEED),2) \
	  PROGRAM_MUTATIONS=$$(($(or $(MUTATIONS),100000) / 1000)) \
	  $(SWIFT) test -c release $(FENCE) --filter 'MutationTests|PackDamageTests|DamagedDataTests'

lint: ## Check the format.
	$(SWIFT) format lint --strict --recursive --parallel --configuration .swift-format $(SOURCES)

format: ## Format the sources.
	$(SWIFT) format --in-place --recursive --parallel --configuration .swift-format $(SOURCES)

clean: ## Remove what was built; results stay.
	$(SWIFT) package clean
