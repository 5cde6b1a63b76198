# Every habit is one word. `make help` lists them.
SHELL := /bin/sh
SWIFT ?= swift
PROXY ?= tcp-proxy
CODEC ?= all
SECONDS ?= 30
ARGS ?=
SWIFT_FLAGS ?=
# The Swift runtime inside the binary: no library of half the size of the process to map (docs/decisions/0005).
RELEASE_FLAGS ?= --static-swift-stdlib

.PHONY: help run build release test unit integration bench check lint tidy allocations fuzz fuzz-smoke asan tsan api format clean

help:
	@echo "make run          build release and start $(PROXY) in front of two web servers"
	@echo "make test         install what is missing, unit tests, integration tests"
	@echo "make check        what continuous integration runs: lint, tidy, allocation budgets, fuzz smoke, make test"
	@echo "make build        debug build      make release    release build"
	@echo "make unit         unit tests       make integration  integration tests (ARGS=\"-k half_close\")"
	@echo "make bench        beside HAProxy, nginx and Envoy (ARGS=\"--rows small --rounds 9\")"
	@echo "make fuzz         CODEC=$(CODEC) SECONDS=$(SECONDS)"
	@echo "make asan, tsan   tests under the address and thread sanitizers"
	@echo "make api          regenerate Sources/Core/API from api/"
	@echo "make format       swift format in place"

run:
	@scripts/install-deps.sh build
	$(SWIFT) build -c release --product $(PROXY) $(RELEASE_FLAGS) $(SWIFT_FLAGS)
	@exec python3 scripts/demo.py .build/release/$(PROXY)

build:
	@scripts/install-deps.sh build
	$(SWIFT) build $(SWIFT_FLAGS)

release:
	@scripts/install-deps.sh build
	$(SWIFT) build -c release --product $(PROXY) $(RELEASE_FLAGS) $(SWIFT_FLAGS)

test:
	@scripts/install-deps.sh test
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory integration

unit:
	$(SWIFT) build --build-tests $(SWIFT_FLAGS)
	$(SWIFT) test --skip-build $(SWIFT_FLAGS)

integration:
	$(SWIFT) build --product $(PROXY) $(SWIFT_FLAGS)
	SLUICE_BIN_DIR="$$($(SWIFT) build --show-bin-path $(SWIFT_FLAGS))" scripts/integration.sh $(ARGS)

bench:
	@scripts/install-deps.sh bench
	$(SWIFT) build -c release --product $(PROXY) $(RELEASE_FLAGS) $(SWIFT_FLAGS)
	python3 Benchmarks/bench.py $(ARGS)

check:
	@scripts/install-deps.sh test
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory tidy
	@$(MAKE) --no-print-directory allocations
	@$(MAKE) --no-print-directory fuzz-smoke
	@$(MAKE) --no-print-directory test

lint:
	@find Sources Tests Package.swift -name '*.swift' -not -path 'Sources/Core/API/*' -not -path '*/.build*' -print0 \
		| xargs -0 $(SWIFT) format lint -s --parallel
	@echo "lint: the format is as .swift-format says"

tidy:
	@python3 scripts/tidy.py --self-test
	@python3 scripts/tidy.py

allocations:
	$(SWIFT) build -c release --product $(PROXY) $(RELEASE_FLAGS) $(SWIFT_FLAGS)
	"$$(scripts/python.sh)" Tests/Allocations/allocations.py "$$($(SWIFT) build -c release --show-bin-path $(RELEASE_FLAGS) $(SWIFT_FLAGS))/$(PROXY)"

fuzz:
	@scripts/install-deps.sh build
	python3 scripts/fuzz.py --target $(CODEC) --seconds $(SECONDS)

fuzz-smoke:
	python3 scripts/fuzz.py --target all --smoke

asan:
	@scripts/install-deps.sh test
	scripts/sanitize.sh address $(ARGS)

tsan:
	@scripts/install-deps.sh test
	scripts/sanitize.sh thread $(ARGS)

api:
	api/generate.sh

format:
	@find Sources Tests Package.swift -name '*.swift' -not -path 'Sources/Core/API/*' -not -path '*/.build*' -print0 \
		| xargs -0 $(SWIFT) format -i --parallel

clean:
	rm -rf .build .build-asan .build-tsan .build-fuzz .build-venv Benchmarks/bin
