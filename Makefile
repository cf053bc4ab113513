# What one does with this checkout; `make help` lists it. Anything longer than a line is in scripts/.
.PHONY: help run test test-core lint bench bench-short bench-accuracy bench-operator fuzz fuzz-short sanitize format proto clean docs api

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: ## install what is missing, build, and run the two-app demonstration on http://localhost:8081
	scripts/install-deps build
	KEDASTRAL_COMMIT=$$(git describe --always --dirty --exclude='*') swift build -c release --product kedastral
	.build/release/kedastral demo

test: ## install what the tests need, build, and run all tests
	scripts/install-deps test
	scripts/python-env
	scripts/test

test-core: ## run the tests of the core, the models and the store in memory: no servers and no C libraries
	scripts/test-core

lint: ## check formatting, wording and shell scripts
	scripts/lint

format: ## format all Swift code
	swift format --in-place --recursive --parallel Package.swift Sources Tests Examples Snippets Fuzz

bench: ## measure everything in docs/benchmarks.md (about twenty minutes)
	scripts/install-deps test
	scripts/bench full

bench-short: ## the same with fewer runs, for a first look
	scripts/install-deps test
	scripts/bench short

bench-accuracy: ## accuracy and outcome on the traces in the folder TRACES; ANCHORS=FILE has the results of peers
	scripts/bench-accuracy $(TRACES) $(if $(ANCHORS),--anchors $(ANCHORS))

bench-operator: ## measure a forecaster with 5,000 ForecastPolicies, against a double of the API server
	scripts/bench-operator

fuzz: ## fuzz each input from outside, and the models, for ten minutes
	scripts/install-deps build
	scripts/fuzz 600

fuzz-short: ## the same for five seconds each
	scripts/install-deps build
	scripts/fuzz 5

sanitize: ## run all tests under AddressSanitizer and ThreadSanitizer
	scripts/install-deps test
	scripts/python-env
	scripts/sanitize

docs: ## build the libraries' documentation into .build/docs, from what is built; warnings fail
	scripts/docs

api: ## say where the public API breaks, compared with docs/api
	scripts/api --check

proto: ## regenerate the protobuf code
	scripts/proto

clean: ## remove what was built
	swift package clean
