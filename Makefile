# All targets need only Go, Node (for npm) and make.

GOLANGCI_LINT_VERSION := v2.13.2
DYNALITE_VERSION      := 4.0.0
KO_VERSION            := v0.19.1
COSIGN_VERSION        := v3.1.1
ACT_VERSION           := v0.2.82

# Every module is built and tested in its own folder.
FUNCTIONS := $(patsubst %/go.mod,%,$(wildcard functions/*/go.mod))
MODULES   := shared $(FUNCTIONS) ci ci/tool
# test-engine runs the engine suite; the other targets only check its code.
CHECKED   := $(MODULES) ci/enginetest

# Tests are compiled with the flags of the functions and of bin/ci, so that nothing is
# compiled twice. go vet runs once, in check.
# GOGC: see Collector in ci/tool/workspace/gobuild; a test run, too, is hundreds of short processes.
GO   := CGO_ENABLED=0 GOGC=$${GOGC:-400} go
# The temporary folder is a link on macOS; tests compare paths.
TEST := TMPDIR="$$(cd "$${TMPDIR:-/tmp}" && pwd -P)" $(GO) test -trimpath -vet=off -ldflags=-w -timeout 30m
WORKSPACE := ./shared/... $(patsubst %,./%/...,$(FUNCTIONS))
# Tests of the whole program that take longest: what they show of many workspaces or at many places,
# others show of one. They are named TestLong... and have a target of their own.
LONG := ^TestLong
# Tests of the program on this repository: its functions and documents. They run by themselves, because
# any file may change their result; no other test of the commands depends on those files.
REPOSITORY := ^TestThisRepository

# Checksums of every file of the repository. Go's test cache does not see files outside
# the module of a test, so the tests read this variable (see testkit.Sources).
SOURCES = $(call CHECKSUMS,.) | cksum
CHECKSUMS = find $(1) \( -name .git -o -path ./.cache -o -path ./bin -o -path ./dist \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 cksum
# The same of what `bin/ci up` runs: the functions, and the program without what it compiles later.
SYSTEM = { $(call CHECKSUMS,functions shared ci/*.json go.*); cd ci/tool; $(GO) list -export -trimpath -buildvcs=false -tags steps -f '{{.BuildID}}' ./cmd/ci; } | cksum

# What npm ships: a DynamoDB server and a static ffmpeg.
NPM := .cache/npm/node_modules

# A second ffmpeg for tests, near to what production carries.
MODERN       := .cache/modern-ffmpeg
MODERN_SUITE := trixie

ARGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-20s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## ---- use ----

.PHONY: build-all
build-all: bin/ci ## Build the five images into dist/ (ARGS="--only api" adds flags)
	@bin/ci build-all $(ARGS)

.PHONY: up
up: $(NPM)/.installed bin/ci ## Run the whole system on localhost from the built images
	@bin/ci up $(ARGS)

.PHONY: publish-local
publish-local: bin/ci ## Publish the five images to a registry in dist/registry (ARGS="--serve" adds flags)
	@bin/ci publish --local $(ARGS)

.PHONY: stand-in
stand-in: ## Serve a stand-in for AWS on localhost, for docs/TUTORIAL.md; it runs no code
	@cd ci/tool && $(GO) build -trimpath -o ../../bin/stand-in ./internal/standin
	@bin/stand-in $(ARGS)

# Holds the steps of a build, and compiles the rest of the program when a command of it
# is first used: that has many times as much code. Depends on the sources and on the
# files that they embed.
bin/ci: $(shell find ci/tool -type f -not -name '*_test.go' -not -path '*/testdata/*')
	@cd ci/tool && $(GO) build -trimpath -tags steps -o ../../bin/ci ./cmd/ci && touch ../../bin/ci

.PHONY: programs
programs: ## Build bin/ci for those who do not build it, into dist/programs (VERSION=v1.2.3, ARGS="-address https://...")
	@cd ci/tool && $(GO) run -trimpath ./internal/distribution -version '$(VERSION)' -out ../../dist/programs $(ARGS)

.PHONY: bench
bench: bin/ci bin/ko ## Measure builds, compared with go build, ko, Dagger and BuildKit (quick: ARGS="--repeat 3 --cold 0 --scale 0")
	@cd ci/tool && $(GO) build -trimpath -o ../../bin/bench ./bench
	@bin/bench $(ARGS)

## ---- test ----

.PHONY: test
test: tools bin/ci ## Run the tests, with real servers on localhost
	@[ -e $(MODERN)/.$(MODERN_SUITE) ] || [ -n "$$CI_TEST_FFMPEG_DIR" ] || echo "== no modern ffmpeg: HEIC, AVIF and all of 7.1 are not tested; run make modern-ffmpeg"
	@set -e; export CI_SOURCES=$$($(SYSTEM)); \
	echo "== test shared, functions"; $(TEST) -skip '$(LONG)' $(WORKSPACE); \
	export CI_SOURCES=$$($(SOURCES)); \
	echo "== test ci"; (cd ci && $(TEST) ./...); \
	echo "== test ci/tool"; cd ci/tool && $(TEST) -skip '$(LONG)|$(REPOSITORY)' ./... && $(TEST) -run '$(REPOSITORY)' ./cmd/ci

.PHONY: test-long
test-long: tools bin/ci ## Run the tests that take longest: other workspaces and architectures, regions, kills
	@command -v qemu-aarch64-static >/dev/null || command -v qemu-x86_64-static >/dev/null || echo "== no QEMU: functions for the other architecture are not run; on Debian: apt-get install qemu-user-static"
	@set -e; export CI_SOURCES=$$($(SOURCES)); \
	packages() { grep -rl --include='*_test.go' '^func TestLong' "$$1" | xargs -n1 dirname | sort -u; }; \
	echo "== long tests of shared"; $(TEST) -run '$(LONG)' $$(packages ./shared); \
	echo "== long tests of ci/tool"; cd ci/tool && $(TEST) -run '$(LONG)' $$(packages .)

.PHONY: check
check: fmt-check vet vet-systems lint tidy-check ## Check format, go vet, also for other systems, linter and go.mod files

# Needs a C compiler. These packages run hundreds of whole publishes and deploys, which
# takes many minutes with -race.
NO_RACE := /tool/(cmd/ci|deploy|publish)$$

.PHONY: test-race
test-race: tools bin/ci ## Run the tests with the race detector
	@echo "== test shared, functions"; go test -race -vet=off $(WORKSPACE)
	@echo "== test ci/tool"; export CI_SOURCES=$$($(SOURCES)); cd ci/tool && go test -race -vet=off -timeout 30m $$(go list ./... | grep -vE '$(NO_RACE)')

.PHONY: test-full
test-full: tools bin/ci test-cosign ## Run the tests of faults, kills and random edits 2,000 times, or at every place, not a few
	cd ci/tool && $(TEST) -count=1 ./publish -seeds 2000 -pairs 25
	cd ci/tool && $(TEST) -timeout 30m -count=1 -run IsKilled ./cmd/ci -every 1
	cd ci/tool && $(TEST) -timeout 120m -count=1 -run Reused ./workspace/gobuild -edits 2000

.PHONY: test-engine
test-engine: bin/ci ## Test the Dagger module on a real engine, if dagger reaches one
	cd ci/enginetest && go test -count=1 -v -timeout 60m .

.PHONY: test-workflows
test-workflows: bin/act ## Run every workflow in a runner on this machine, and the commands of CodeBuild (quick: ARGS="-run PullRequest")
	cd ci/tool && $(TEST) -tags workflows -count=1 -v ./internal/workflowtest $(ARGS)

.PHONY: test-cosign
test-cosign: bin/cosign ## Verify signed documents with cosign itself
	cd ci/tool && $(TEST) -tags cosign -count=1 -v -run TestCosign ./attest/signature

.PHONY: vet
vet: ## Run go vet on all modules, in the workspace and alone (GOWORK=off)
	@set -e; for m in $(CHECKED); do echo "== vet $$m"; (cd $$m && $(GO) vet -trimpath ./... && GOWORK=off $(GO) vet -trimpath ./...); done
	@cd ci/tool && $(GO) build -trimpath -tags steps -o /dev/null ./cmd/ci && $(GO) vet -trimpath -tags workflows,cosign ./internal/workflowtest ./attest/signature

# go vet checks the types of packages and of their tests as a compiler does, without making
# programs of them: about a minute a system on an empty cache, seconds after that. On Windows,
# only ci is used, to say that WSL is needed.
SYSTEMS := darwin/arm64 darwin/amd64 linux/arm64

.PHONY: vet-systems
vet-systems: ## Run go vet for macOS, Linux on arm64 and Windows: what this machine is not
	@set -e; for s in $(SYSTEMS); do for m in $(CHECKED); do echo "== vet $$m for $$s"; (cd $$m && GOOS=$${s%/*} GOARCH=$${s#*/} $(GO) vet -trimpath ./...); done; done
	@echo "== vet ci/tool for windows/amd64"; cd ci/tool && GOOS=windows GOARCH=amd64 $(GO) vet -trimpath ./...

.PHONY: tidy-check
tidy-check: ## Fail if go mod tidy would change a go.mod or go.sum
	@set -e; for m in $(CHECKED); do echo "== tidy $$m"; (cd $$m && go mod tidy -diff); done

.PHONY: fmt-check
fmt-check: ## Fail if gofmt would change a Go file
	@files=$$(git ls-files '*.go' | xargs gofmt -l); if [ -n "$$files" ]; then echo "not formatted, run make fmt:"; echo "$$files"; exit 1; fi

.PHONY: fmt
fmt: ## Format all Go files
	@git ls-files '*.go' | xargs gofmt -w

.PHONY: lint
lint: bin/golangci-lint ## Run the linter on all modules
	@set -e; for m in $(CHECKED); do echo "== lint $$m"; (cd $$m && CGO_ENABLED=0 GOFLAGS=-trimpath $(CURDIR)/bin/golangci-lint run --allow-parallel-runners --config $(CURDIR)/.golangci.yml ./...); done

.PHONY: update
update: tools ## Rewrite the golden files (expected outputs) of the tests
	cd ci/tool && $(TEST) $$(find . -name testdata -type d -exec dirname {} \;) -update
	cd ci && $(TEST) . -update

.PHONY: reproduce
reproduce: ## Build all images and programs twice, in two folders with empty caches, and compare; then for arm64
	cd ci/tool && $(TEST) ./cmd/ci -count=1 -v -run 'TwoFoldersGiveTheSameDigests|TestArm64IsBuiltHereToo' -reproduce-all
	cd ci/tool && $(TEST) ./internal/distribution -count=1 -reproduce-all

## ---- tools ----

.PHONY: tools
tools: $(NPM)/.installed ## Fetch what the tests need: a DynamoDB server, ffmpeg

bin/golangci-lint: bin/.golangci-lint-$(GOLANGCI_LINT_VERSION)
bin/.golangci-lint-$(GOLANGCI_LINT_VERSION):
	@echo "== compile golangci-lint $(GOLANGCI_LINT_VERSION), once: two to three minutes"
	@mkdir -p bin && GOWORK=off GOFLAGS=-trimpath GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@touch $@

bin/ko: bin/.ko-$(KO_VERSION)
bin/.ko-$(KO_VERSION):
	@echo "== compile ko $(KO_VERSION), once"
	@mkdir -p bin && GOWORK=off GOFLAGS=-trimpath GOBIN=$(CURDIR)/bin $(GO) install github.com/google/ko@$(KO_VERSION)
	@touch $@

bin/cosign: bin/.cosign-$(COSIGN_VERSION)
bin/.cosign-$(COSIGN_VERSION):
	@echo "== compile cosign $(COSIGN_VERSION), once: two to three minutes"
	@mkdir -p bin && GOWORK=off GOFLAGS=-trimpath GOBIN=$(CURDIR)/bin $(GO) install github.com/sigstore/cosign/v3/cmd/cosign@$(COSIGN_VERSION)
	@touch $@

bin/act: bin/.act-$(ACT_VERSION)
bin/.act-$(ACT_VERSION):
	@echo "== compile act $(ACT_VERSION), a runner for workflows, once: about a minute"
	@mkdir -p bin && GOWORK=off GOFLAGS=-trimpath GOBIN=$(CURDIR)/bin $(GO) install github.com/nektos/act@$(ACT_VERSION)
	@touch $@

$(NPM)/.installed: Makefile
	@echo "== fetch dynalite (a DynamoDB server) and a static ffmpeg"
	@mkdir -p .cache/npm
	@npm install --silent --no-save --no-audit --no-fund --prefix .cache/npm \
	  dynalite@$(DYNALITE_VERSION) \
	  @ffmpeg-installer/ffmpeg@1.1.0 @ffprobe-installer/ffprobe@1.4.1
	@touch $@

# Debian's packages of a newer release, unpacked into .cache; apt checks their signatures.
# Nothing is installed. The programs need the newer C library, so they start with its loader.
MODERN_MIRROR  = $(shell apt-get indextargets --format '$$(REPO_URI)' 'Created-By: Packages' | head -1)
MODERN_NEEDS  := ffmpeg libheif-examples libheif-plugin-x265 libheif-plugin-libde265

.PHONY: modern-ffmpeg
modern-ffmpeg: $(MODERN)/.$(MODERN_SUITE) ## Fetch ffmpeg 7.1 and heif-enc from Debian, for the tests on two ffmpegs
$(MODERN)/.$(MODERN_SUITE):
	@echo "== fetch $(MODERN_NEEDS) from Debian $(MODERN_SUITE)"
	@rm -rf $(MODERN) && mkdir -p $(MODERN)/apt/lists/partial $(MODERN)/apt/archives/partial $(MODERN)/bin
	@set -e; cd $(MODERN); root=$$PWD/root; touch apt/status; \
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(MODERN_MIRROR) $(MODERN_SUITE) main" > apt/sources.list; \
	apt="-qq -o Dir::State=$$PWD/apt -o Dir::State::status=$$PWD/apt/status -o Dir::Cache=$$PWD/apt -o Dir::Etc::sourcelist=$$PWD/apt/sources.list -o Dir::Etc::sourceparts=-"; \
	apt-get $$apt update; apt-get $$apt install --yes --no-install-recommends --download-only $(MODERN_NEEDS); \
	for deb in apt/archives/*.deb; do dpkg-deb -x $$deb root; done; rm -r apt; \
	libraries=$$(find $$root/usr/lib -name '*.so*' -exec dirname {} \; | sort -u | paste -sd: -); loader=$$(find $$root/usr/lib -name 'ld-linux-*' | head -1); \
	for program in ffmpeg ffprobe heif-enc; do \
	  printf '#!/bin/sh\nLIBHEIF_PLUGIN_PATH=%s exec %s --library-path %s %s "$$@"\n' "$$(find $$root -path '*libheif/plugins')" "$$loader" "$$libraries" "$$root/usr/bin/$$program" > bin/$$program; \
	done; chmod +x bin/*; bin/ffmpeg -hide_banner -version | head -1
	@touch $@

.PHONY: clean
clean: ## Remove bin/ and dist/
	rm -rf bin dist
