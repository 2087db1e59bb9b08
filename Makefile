# Snug. `make` alone says what there is.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -s -w $(if $(VERSION),-X main.version=$(VERSION))
ARGS    ?=
MINUTES ?= 5
ROUNDS  ?= 5

# Go tools, pinned in tools/go.mod so that they are no dependency of Snug.
TOOL    := go tool -modfile=tools/go.mod
# What every test run leaves behind: one JUnit file a suite, counted by scripts/tally.
RESULTS := $(CURDIR)/test-results
GOTEST  := $(TOOL) gotestsum --format pkgname-and-test-fails --format-hide-empty-pkg
GOFILES  = $(shell find . -name node_modules -prune -o -name '*.go' -print)

##@ Use

run: build ## Build everything and start it (ARGS='--listen :5000' for more)
	@exec bin/snug serve $(ARGS)

build: web/dist/index.html ## Build bin/snug, one static file with the web app inside
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/snug ./cmd/snug

clean: ## Remove what was built and fetched (not your snug-data)
	rm -rf bin test-results web/node_modules web/test-results web/playwright-report e2e/clients/js/node_modules bench/peers/node/node_modules
	find web/dist -mindepth 1 ! -name .keep -delete

##@ Test

test: build test-go test-web test-clients test-browsers ## Run all tests, browsers and other languages' clients included

test-go: ## Go tests (no C compiler, no Node needed)
	@[[ $$(uname -s) != Linux ]] || scripts/need strace
	@mkdir -p $(RESULTS)
	CGO_ENABLED=0 $(GOTEST) --junitfile $(RESULTS)/go.xml -- ./...
	CGO_ENABLED=0 $(GOTEST) --junitfile $(RESULTS)/go-noeventloop.xml -- -tags noeventloop ./engineio ./socketio ./internal/gateway

test-web: web/node_modules/.stamp ## Unit tests of the web app
	@mkdir -p $(RESULTS)
	npm --prefix web test -- --reporter=default --reporter=junit --outputFile.junit=$(RESULTS)/web.xml

test-clients: test-js test-python ## The JavaScript and Python clients against bin/snug

test-js: build e2e/clients/js/node_modules/.stamp
	@mkdir -p $(RESULTS)
	npm --prefix e2e/clients/js test -- --test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter=junit --test-reporter-destination=$(RESULTS)/js.xml

test-python: build
	@scripts/need python3-socketio python3-aiohttp python3-websocket python3-requests
	@mkdir -p $(RESULTS)
	/usr/bin/python3 -B scripts/python-tests e2e/clients/python $(RESULTS)/python.xml

test-browsers: build ## Browser tests against bin/snug
	@scripts/need chromium-headless-shell firefox-esr fonts-noto-color-emoji
	@mkdir -p $(RESULTS)
	PLAYWRIGHT_JUNIT_OUTPUT_FILE=$(RESULTS)/browsers.xml npm --prefix web run e2e -- --reporter=list,junit

test-webkit: build ## The same paths in WebKit, by Debian's driver
	@scripts/need webkit2gtk-driver xvfb xauth fonts-noto-color-emoji
	@mkdir -p $(RESULTS)
	xvfb-run -a -s '-screen 0 1440x900x24' node --test --test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter=junit --test-reporter-destination=$(RESULTS)/webkit.xml e2e/web/webkit*.test.mjs

##@ Check

check: check-format check-vet check-static check-vuln check-generated check-web check-race ## All that is checked before a change lands

check-format: ## Go files are as gofmt writes them (else: make format)
	@gofmt -l $(GOFILES) | tee /dev/stderr | (! grep -q .)

check-vet: ## go vet
	go vet ./...

check-static: ## staticcheck
	$(TOOL) staticcheck ./...

check-vuln: ## Known vulnerabilities in what we use, where vuln.go.dev can be asked
	@scripts/vuln

check-generated: ## Generated files are up to date
	@scripts/generated

check-web: web/node_modules/.stamp ## Lint and types of the web app
	npm --prefix web run lint
	npm --prefix web run check

# -short: what only repeats itself is repeated less here; make test has all of it.
# And what the tests write goes to memory, where there is such a disk: thousands
# of fsyncs say nothing about races, and make test has those too.
check-race: ## Go tests, layers and sizes among them, under the race detector in random order
	@scripts/need gcc
	@mkdir -p $(RESULTS)
	GOTMPDIR=$${TMPDIR:-/tmp} TMPDIR=$$(scripts/memory-disk) CGO_ENABLED=1 $(GOTEST) --junitfile $(RESULTS)/race.xml -- -race -short -shuffle=on ./...

prove: prove-log prove-schedules ## The long proofs: also each fuzzer for MINUTES=5, the protocol tower 20 times under race
	@scripts/need gcc
	CGO_ENABLED=1 go test -race -shuffle=on -count=20 ./engineio/... ./socketio/...
	scripts/fuzz $(MINUTES)

prove-log: ## The long proofs of the log alone: docs/reliability.md (a quarter of an hour)
	@scripts/need strace
	SNUG_KILLS=200 SNUG_POWER_CUTS=100 SNUG_FSYNC_FAULTS=200 SNUG_FULL_DISKS=50 SNUG_SCHEDULES=2000 SNUG_FAULT_CLIENTS=1000 SNUG_BANS=200 \
		CGO_ENABLED=0 go test -count=1 -v -timeout 4h ./internal/prove
	SNUG_POWER_CUTS=300 CGO_ENABLED=0 go test -count=1 -v -timeout 1h -run TestPowerCuts ./internal/store/sqlite

prove-schedules: ## 20,000 random schedules in fake time (half an hour)
	SNUG_SCHEDULES=20000 CGO_ENABLED=0 go test -count=1 -v -timeout 4h -run TestSchedules ./internal/prove

##@ Measure

bench-peers: build bench/peers/node/node_modules/.stamp ## Snug beside Node's socket.io and Flask-SocketIO, in bench/RESULTS.md (ROUNDS=5; half an hour)
	@scripts/need python3-flask-socketio python3-gevent python3-gevent-websocket python3-eventlet
	go run ./bench peers --rounds $(ROUNDS)

bench-targets: build ## The rows Snug sets itself, plain and under TLS, in bench/RESULTS.md
	go run ./bench targets --rounds $(ROUNDS)

bench-scaling: build ## CPU and memory over members, rooms and stored messages, in docs/scaling.md
	go run ./bench scaling --rounds 1

bench-store: ## Speed of the store, and of its disk alone in the same run, in bench/RESULTS.md (2 minutes a round)
	go run ./bench store --rounds $(ROUNDS) --time 3s

bench: bench-store bench-targets bench-peers ## All rows of bench/RESULTS.md

##@ Look

sbom: build ## What the binary is made of, as CycloneDX: bin/snug.cdx.json
	go run ./scripts/sbom bin/snug > bin/snug.cdx.json

##@ Write

generate: ## Make generated files anew: web/src/wire.ts, the README's sample programs
	$(TOOL) tygo generate --config tools/tygo.yaml
	go test -run TestREADMESamples . -update

bench-web: build web/node_modules/.stamp ## Measure the page in Chromium: first paint, blocking, a burst of 10,000 messages
	@scripts/need chromium-headless-shell fonts-noto-color-emoji
	node e2e/web/performance.mjs

screenshots: build web/node_modules/.stamp ## Pictures of each state of the page, sizes and themes; two are the README's
	@scripts/need chromium-headless-shell fonts-noto-color-emoji
	node e2e/web/screenshots.mjs

format: ## gofmt
	gofmt -w $(GOFILES)

help: ## This list
	@echo "make TARGET, where TARGET is one of:"
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "New here? make run, then open the address it prints."

.PHONY: run bench bench-web build clean test test-go test-web test-clients test-js test-python test-browsers test-webkit check check-format check-vet check-static check-vuln \
	check-generated check-web check-race prove prove-log prove-schedules bench-peers bench-targets bench-scaling bench-store generate screenshots format help

# --- Files ---

WEB_SOURCES = $(shell find web/src web/public web/worker web/scripts -print 2>/dev/null) $(wildcard web/*.html web/*.ts web/*.mjs web/*.json)

web/dist/index.html: web/node_modules/.stamp $(WEB_SOURCES)
	npm --prefix web run build

# The stamp lies inside node_modules, which npm ci throws away first: so it is
# there only if the last npm ci of this lock file went well.
%/node_modules/.stamp: %/package-lock.json
	@scripts/need node
	npm --prefix $* ci --no-audit --no-fund
	@touch $@
