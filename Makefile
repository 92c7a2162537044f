# Every step of .ci/run is a target here, so that a failing step can be run alone.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The engine and its tests need no C compiler. Only the race detector does.
export CGO_ENABLED := 0
tool := go tool -modfile=tools/go.mod

FUZZ_SECONDS ?= 5

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build everything, and the engine into bin/
	go build ./...
	go build -trimpath -o bin/engine ./cmd/engine

.PHONY: demo
demo: ## a whole on-sale in a temporary folder
	go run ./cmd/engine demo

.PHONY: test
test: ## every test
	go test ./...

.PHONY: race
race: ## the race detector over everything that has goroutines (needs gcc)
	CGO_ENABLED=1 go test -race ./actors/... ./store/... ./transport/...

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZ_SECONDS (5) each
	.ci/fuzz $(FUZZ_SECONDS)

.PHONY: example
example: ## the JavaScript client of docs/examples against an engine of its own
	.ci/example

.PHONY: rewrite
rewrite: ## write the transcripts anew from what the engine does: read the diff
	go test $$(grep -rlF '"github.com/cockroachdb/datadriven"' --include='*_test.go' engine actors store transport | xargs -n 1 dirname | sort -u | sed 's|^|./|') -rewrite

.PHONY: generate
generate: ## generate the protobuf code
	$(tool) buf lint transport
	cd transport && go tool -modfile=../tools/go.mod buf generate

.PHONY: lint
lint: ## vet, formatting and linters
	go vet ./...
	$(tool) golangci-lint run ./...
	$(tool) golangci-lint fmt --diff

.PHONY: format
format: ## format every Go file
	$(tool) golangci-lint fmt

.PHONY: bench
bench: ## the benchmarks, about 4 minutes
	go test -run '^$$' -bench . ./bench

.PHONY: check
check: ## exactly what CI runs
	.ci/run
