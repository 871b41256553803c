# `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

CACHE := $(or $(LAZYXDS_CACHE),$(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME)/lazyxds),$(HOME)/.cache/lazyxds)
GO_NEEDED := 1.26
GO_VERSION := $(shell go env GOVERSION 2>/dev/null)

# Tools are kept under the checksum of what pins them, so that a change of a pin builds anew and switching back does not.
pin = $(firstword $(shell cat $(1)/go.mod $(1)/go.sum | cat - <(echo $(GO_VERSION)) | sha256sum | cut -c1-16))
LINT = $(CACHE)/tools/golangci-lint-$(call pin,tools/golangci)
HELM = $(CACHE)/tools/helm-$(call pin,lab/components/helm)

# Debian package of each command that the lab and the tests call.
PACKAGES := ip:iproute2 iptables:iptables conntrack:conntrack nsenter:util-linux ps:procps nc:netcat-openbsd \
	curl:curl jq:jq pip:python3-pip unzip:unzip

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)


.PHONY: setup
setup: ## Install what demo and test need, and build bin/lazylab, bin/lazyxds and bin/kubectl-lazyxds
	@$(MAKE) require-go require-root require-packages build

.PHONY: demo
demo: setup ## Bring up a mesh, make a namespace lazy under load and show what changed
	@bin/lazylab demo

.PHONY: build
build: ## Build the three programs into bin/
	@go build -o bin/ ./cmd/...
	@go -C lab build -o ../bin/ ./cmd/lazylab

.PHONY: clean
clean: ## Remove bin/; the cache of built components stays
	@rm -rf bin

.PHONY: uninstall-lab
uninstall-lab: ## Take all labs down and remove the cache of built components
	@if [ -x bin/lazylab ]; then bin/lazylab list -o json | jq -r '.[].name' | xargs -r -n 1 bin/lazylab down --name; fi
	@rm -rf "$(CACHE)"


.PHONY: test
test: setup check unit chart e2e ## Run everything: check, unit, chart, e2e

.PHONY: check
check: check-generated check-manifests lint ## Lint, and compare generated files with their sources

.PHONY: lint
lint: $(LINT) ## Run gofmt and the linters of .golangci.yml, go vet among them, on both modules
	@unformatted=$$(gofmt -l api charts cmd internal lab); \
	  if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on:" $$unformatted; exit 1; fi
	@$(LINT) run ./...
	@cd lab && $(LINT) run ./...

.PHONY: unit
unit: ## Run the unit tests of both modules (no root)
	@go test ./...
	@cd lab && go test $$(go list ./... | grep -v '/lab/e2e$$')

.PHONY: golden
golden: ## Rewrite the planner's expected results; look at the diff before you commit it
	@go test ./internal/plan -update

.PHONY: chart
chart: $(HELM) ## Lint the chart, render it with good and bad values, check what comes out
	@$(HELM) lint --strict --quiet charts/lazyxds -n istio-system
	@HELM=$(HELM) go test -count=1 ./charts

.PHONY: e2e
e2e: require-root ## Run the stories on a real mesh (root); ISTIO=1.31 takes that line of Istio, STORIES=Equal those that match
	@cd lab && go test -count=1 -timeout 45m -v $(if $(STORIES),-run '$(STORIES)') ./e2e $(if $(ISTIO),-istio $(ISTIO))


.PHONY: generate
generate: ## Regenerate deep copies and the CRD from api/
	@go tool controller-gen object crd paths=./api/... output:crd:dir=charts/lazyxds/files

.PHONY: check-generated
check-generated: ## Fail if deep copies or the CRD do not match api/
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	  go tool controller-gen object crd paths=./api/... output:object:dir=$$tmp/go output:crd:dir=$$tmp/crd; \
	  diff -u api/v1alpha1/zz_generated.deepcopy.go $$tmp/go/zz_generated.deepcopy.go && \
	  diff -u charts/lazyxds/files $$tmp/crd || { echo "run: make generate"; exit 1; }

# render FILE, TEMPLATES: the chart with its default values, without hooks.
define render
{ echo "# Rendered from charts/lazyxds by make manifests: change the chart, not this file."; \
  $(HELM) template lazyxds charts/lazyxds --namespace istio-system --no-hooks $(addprefix --show-only ,$(2)); } > $(1)
endef

.PHONY: manifests
manifests: $(HELM) ## Render install/*.yaml from the chart
	@$(call render,install/lazyxds-controller.yaml,templates/crd.yaml 'templates/controller/*.yaml')
	@$(call render,install/lazyxds-egress.yaml,'templates/egress/*.yaml')

.PHONY: check-manifests
check-manifests: $(HELM) ## Fail if install/*.yaml do not match the chart
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	  $(call render,$$tmp/lazyxds-controller.yaml,templates/crd.yaml 'templates/controller/*.yaml'); \
	  $(call render,$$tmp/lazyxds-egress.yaml,'templates/egress/*.yaml'); \
	  diff -u install $$tmp || { echo "run: make manifests"; exit 1; }

# What follows serves the targets above.

$(CACHE)/tools/golangci-lint-%:
	@echo "building golangci-lint (once, some minutes)"
	@nice -n 19 go -C tools/golangci build -trimpath -ldflags '-s -w' -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(CACHE)/tools/helm-%:
	@echo "building helm (once, some minutes)"
	@nice -n 19 go -C lab/components/helm build -trimpath -ldflags '-s -w' -o $@ ./helm

.PHONY: require-go
require-go:
	@have=$$(go env GOVERSION 2>/dev/null || true); have=$${have#go}; \
	  if [ -z "$$have" ]; then echo "missing: Go $(GO_NEEDED) or newer; get it from https://go.dev/dl"; exit 1; fi; \
	  if [ "$$(printf '%s\n' $(GO_NEEDED) "$$have" | sort -V | head -1)" != $(GO_NEEDED) ]; then \
	    echo "too old: Go $$have, $(GO_NEEDED) or newer is needed; get it from https://go.dev/dl"; exit 1; fi

.PHONY: require-root
require-root:
	@if [ "$$(id -u)" != 0 ]; then echo "missing: root, for network namespaces and mounts; run: sudo make $(or $(MAKECMDGOALS),setup)"; exit 1; fi

.PHONY: require-packages
require-packages:
	@missing=; for pair in $(PACKAGES); do \
	    command -v "$${pair%%:*}" >/dev/null || missing="$$missing $${pair#*:}"; done; \
	  if [ -z "$$missing" ]; then exit 0; fi; \
	  if ! command -v apt-get >/dev/null; then \
	    for package in $$missing; do echo "missing: $$package; install it with your system's package manager"; done; exit 1; fi; \
	  echo "installing$$missing"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null; } || \
	    { for package in $$missing; do echo "missing: $$package; run: apt-get install $$package"; done; exit 1; }
