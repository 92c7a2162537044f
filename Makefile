# Every step of .ci/run is a target here, so that a failing step can be run alone.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The engine and its tests need no C compiler. Only the race detector does.
export CGO_ENABLED := 0
tool := go tool -modfile=tools/go.mod

FUZZ_SECONDS ?= 5
CRASHES ?= 10000
RAPID_CHECKS ?= 1000
SIM_HOURS ?= 24
SIM_SAGAS ?= 20000
SIM_GRANTS ?= 300000
KILLS ?= 25
CUTS ?= 25
CUTS_FS ?= ext4
HISTORIES ?= 25
SAGAS ?= 5000
SAGA_KILLS ?= 200

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build everything, and the engine into bin/
	go build ./...
	go build -trimpath -o bin/engine ./cmd/engine

.PHONY: demo
demo: ## a whole on-sale in a temporary folder
	go run ./cmd/engine demo

.PHONY: demo-exit
demo-exit: ## the same, and leave once the ledger is in balance
	go run ./cmd/engine demo --exit

.PHONY: demo-line
demo-line: ## 100,000 buyers in a line for 5,000 tickets: lobby, draw, passes, waiting list; and leave once everything adds up
	go run ./cmd/engine demo --line --exit

.PHONY: test
test: ## every test
	go test -timeout 30m ./...

.PHONY: race
race: ## the race detector over everything that has goroutines (needs gcc)
	CGO_ENABLED=1 go test -race -timeout 30m ./actors/... ./store/... ./transport/...

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZ_SECONDS (5) each
	.ci/fuzz $(FUZZ_SECONDS)

.PHONY: sim
sim: ## crash the store CRASHES (10,000) times in simulation, sell for SIM_HOURS (24) through outages, let SIM_SAGAS (20,000) purchases live through falls and a gateway that fails, let the engine and its model argue for longer, and grant SIM_GRANTS (300,000) passes without anybody being overtaken
	HOLDFAST_CRASHES=$(CRASHES) go test -count 1 -timeout 30m -run '^TestEveryCrashLosesNothingAcknowledged$$' -v ./store
	HOLDFAST_SIM_HOURS=$(SIM_HOURS) go test -count 1 -timeout 30m -run '^TestNoHoldEndsEarlyOrLateThroughOutages$$' -v ./actors
	HOLDFAST_SAGAS=$(SIM_SAGAS) go test -count 1 -timeout 30m -run '^TestSagasEndWell$$' -v ./actors
	HOLDFAST_RAPID_CHECKS=$(RAPID_CHECKS) go test -count 1 -timeout 30m ./engine
	HOLDFAST_LINE_GRANTS=$(SIM_GRANTS) go test -count 1 -timeout 2h -run '^TestNobodyIsOvertaken$$' -v ./engine

.PHONY: kill
kill: ## kill -9 a real engine under load KILLS (25) times, and look for everything it had acknowledged
	go test -count 1 -timeout 3h -run '^TestKill$$' -v ./bench/fault -rounds=$(KILLS)
	go test -count 1 -timeout 3h -run '^TestKillInADraw$$' -v ./bench/fault -rounds=$$(( ($(KILLS) + 9) / 10 ))

.PHONY: saga
saga: ## sell SAGAS (5,000) tickets over sockets while the engine is killed SAGA_KILLS (200) times, and compare it with its gateway's ledger, both ways
	go test -count 1 -timeout 1h -run '^TestSagasOverSockets$$' -v ./cmd/engine -sagas=$(SAGAS) -saga-kills=$(SAGA_KILLS)

.PHONY: powercut
powercut: ## cut the power of a loop-mounted file system CUTS (25) times; needs root
	go test -count 1 -timeout 3h -run '^TestPowerCut$$' -v ./bench/fault -powercuts=$(CUTS) -fs=$(CUTS_FS)

.PHONY: linear
linear: ## judge HISTORIES (25) histories of concurrent clients for linearizability
	go test -count 1 -timeout 1h -run '^TestLinearizable$$' -v ./bench/fault -histories=$(HISTORIES)

.PHONY: planted
planted: ## build in one bug at a time, and demand that its test fails
	.ci/planted

.PHONY: example
example: ## the JavaScript client of docs/examples against an engine of its own
	.ci/example

.PHONY: rewrite
rewrite: ## write the transcripts anew from what the engine does (not the golden files): read the diff
	go test $$(grep -rlF '"github.com/cockroachdb/datadriven"' --include='*_test.go' engine actors store transport | xargs -n 1 dirname | sort -u | sed 's|^|./|') -run '^TestTranscripts' -rewrite

.PHONY: generate
generate: ## generate the protobuf code
	go build -o bin/ google.golang.org/protobuf/cmd/protoc-gen-go
	cd transport/holdfastpb && $(subst tools/,../../tools/,$(tool)) buf lint
	cd transport/holdfastpb && PATH="$(CURDIR)/bin:$$PATH" $(subst tools/,../../tools/,$(tool)) buf generate

.PHONY: generated
generated: generate ## fail if the protobuf code is not what its schema generates
	git diff --exit-code -- transport/holdfastpb

.PHONY: dashboard
dashboard: ## bundle the dashboard with its libraries into transport/dashboard/built (needs Node.js with npm)
	cd transport/dashboard/page && npm ci --ignore-scripts --no-audit --no-fund && node bundle.mjs

.PHONY: lint
lint: ## vet, formatting and linters
	go vet ./...
	$(tool) golangci-lint run ./...
	$(tool) golangci-lint fmt --diff
	cd bench/peers && go vet ./... && $(subst tools/,../../tools/,$(tool)) golangci-lint run ./...

.PHONY: format
format: ## format every Go file
	$(tool) golangci-lint fmt

.PHONY: vuln
vuln: ## known vulnerabilities in what is called, by Go's database or the one at VULNDB
	.ci/vuln $(VULNDB)

.PHONY: bench
bench: ## the benchmarks, about 16 minutes; what they print is kept in bench/results
	BENCH_OUT=$${BENCH_OUT:-results} go test -run '^$$' -bench . -timeout 1h ./bench

.PHONY: bench-peers
bench-peers: ## the same hold on Redis and PostgreSQL, beside ours, 8 minutes; kept in bench/results (needs both: bench/peers/install.sh)
	cd bench/peers && BENCH_OUT=$${BENCH_OUT:-../results} go run .

.PHONY: peers
peers: ## install Redis and PostgreSQL, let them and us prove that all hold alike, and compare for a moment
	bench/peers/install.sh
	cd bench/peers && PEERS_REQUIRED=1 go test -count 1 ./...
	cd bench/peers && go run . -rounds 1 -round 1s -sweep 0

.PHONY: bench-buy
bench-buy: ## purchases: beside holds, from click to confirmation at half load, and 10,000 through a slow lane (BENCH_LANE_RATE=25 for the slowest, 14 minutes)
	go test -run '^$$' -bench 'Buy|Click|BenchmarkLane' -benchtime 1x -timeout 1h ./bench

.PHONY: bench-measure
bench-measure: ## holds with KPIs being made of them and without, in turns; how far the KPIs are behind at the end; what they take with 10,000 events and a million buyers
	go test -run '^$$' -bench 'Measure' -benchtime 1x -timeout 1h ./bench

.PHONY: bench-line
bench-line: ## the line with a million waiters: joins and places beside holds, the draw, memory, restarts, and how good the chances are that people are told
	go test -run '^$$' -bench 'Line/(hold|join|draw|place|serve|open|admit)' -benchtime 1000000x ./engine
	go test -run '^$$' -bench 'Line/freed' -benchtime 50000x ./engine
	go test -run '^$$' -bench Line -benchtime 1x -timeout 1h ./bench
	go test -count 1 -run '^TestChancesAreCalibrated$$' -v ./engine/line

.PHONY: bench-open
bench-open: ## the open loop at half of capacity for BENCH_SECONDS (60), and the overload at ten times of it
	BENCH_SECONDS=$${BENCH_SECONDS:-60} go test -run '^$$' -bench 'OpenLoop|Overload' -benchtime 1x -timeout 1h ./bench

.PHONY: check
check: ## exactly what CI runs
	.ci/run
