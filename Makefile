# Daypass: `make demo` shows the story, `make run` serves it, `make test` proves it.

GO       ?= go
# One way to compile for all but the race detector, which needs C: what is compiled once serves the program, its tests and the linters.
PLAIN    := CGO_ENABLED=0 GOFLAGS="$$GOFLAGS -trimpath" $(GO)
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Of SQLite, translated from C, the race detector would see each access to memory, and take half of the time of the tests for it.
NO_RACE  := modernc.org/...=-race=false
LDFLAGS  := -s -w -X main.version=$(VERSION)

.PHONY: help web build demo run test lint bench generate verify fuzz clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

web: ## build the dashboard into web/dist, where npm is at hand
	@command -v npm >/dev/null || { echo 'npm is not installed: building without the dashboard'; exit 0; }; \
	[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error; \
	[ web/dist/index.html -nt package-lock.json ] && [ -z "$$(find web/dashboard sdk/js/src -newer web/dist/index.html -type f -print -quit)" ] || npm run build -w web/dashboard --silent

build: web ## build bin/daypass
	$(PLAIN) build -ldflags '$(LDFLAGS)' -o bin/daypass ./cmd/daypass

demo: build ## the whole story with real requests; Ctrl-C ends it
	./bin/daypass demo

run: build ## serve from ./daypass-data, made on first use
	@[ -f daypass-data/daypass.db ] || ./bin/daypass init --data daypass-data
	./bin/daypass serve --data daypass-data --log-format text

# ./e2e is the longest, so it begins first; vet is a part of lint.
test: web ## all tests with the race detector, on SQLite and PostgreSQL, and in a browser; those of time without it
	$(PLAIN) test -vet=off -run '^(TestAttack_Timing|TestBrowserLists$$)' ./e2e
	@command -v npm >/dev/null || { echo 'npm is not installed: the tests of JavaScript are left out'; exit 0; }; \
	npm run test --workspaces --if-present --silent
	$(GO) test -race -vet=off -gcflags=$(NO_RACE) -shuffle=on -timeout 18m ./e2e ./...

lint: ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run gofmt -w on these'; exit 1; }
	$(PLAIN) vet ./...
	$(PLAIN) tool -modfile=tools/go.mod staticcheck ./...
	@[ ! -d node_modules ] || npm run typecheck --workspaces --if-present --silent

bench: ## measure against floors in the same run; prints ratios
	$(GO) run ./bench

generate: ## regenerate *.gen.go, sqlc code and the configuration reference
	$(GO) generate ./...

verify: generate lint ## generated files are fresh, modules tidy, then lint
	$(GO) mod tidy -diff
	$(GO) mod verify
	@git diff --exit-code --stat || { echo 'generated files are stale: commit what make generate changed'; exit 1; }

fuzz: ## a minute on every parser
	@for target in $$(grep -rlE '^func Fuzz' --include=*_test.go . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9]+' $$target/*_test.go | sed 's/func //'); do \
	    echo "== $$target $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-60s} $$target || exit 1; done; done

clean: ## remove what was built
	rm -rf bin
