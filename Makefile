# `make` lists what there is to make.

FUZZTIME ?= 1m

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-10s %s\n", $$1, $$2 }'

.PHONY: test
test: ## the whole suite; on Debian and Ubuntu it first installs what the tests need
	@scripts/djangos
	@scripts/testdeps
	@scripts/servers
	@scripts/test

.PHONY: check
check: ## gofmt, gofumpt, go vet and staticcheck, in every module
	@scripts/check

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (1m) each: make fuzz FUZZTIME=5m
	@scripts/fuzz $(FUZZTIME)

.PHONY: stress
stress: ## races and faults in full, as one table: make stress ARGS='-run TestKill -short'
	@cd stress && KEEPSAKE_STRESS=1 go test -count=1 -timeout=15m $(ARGS)

.PHONY: mutations
mutations: ## breaks the library in ways that make stress must catch
	@scripts/mutations

.PHONY: cover
cover: ## what the tests of all modules cover, as a list and as coverage/index.html
	@scripts/cover

.PHONY: tidy
tidy: ## go mod tidy in every module
	@scripts/tidy

.PHONY: bench
bench: ## Keepsake beside scs, gorilla and Django: the quick set
	@scripts/djangos
	@scripts/benchdeps
	go run ./bench -quick

.PHONY: bench-full
bench-full: ## the same, everything, into docs/benchmarks.md
	@scripts/djangos
	@scripts/benchdeps
	go run ./bench -write docs

.PHONY: demo
demo: ## the demo on http://127.0.0.1:8000/
	go run ./cmd/keepsake demo
