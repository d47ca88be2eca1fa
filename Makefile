# The commands of this project.  `make help` lists them; nothing here is clever.

PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ifeq ($(filter 3.11 3.12 3.13 3.14 3.15,$(VERSION)),)
$(error '$(PYTHON)' is no Python that cafeloop supports; this machine has $(shell .ci/pythons))
endif
# One environment and one target folder for each Python, so that none undoes the
# work of another.
VENV := .venv-$(VERSION)
BIN := $(VENV)/bin
# With a target folder of its own, or it and plain cargo would undo each other.
DEVELOP := VIRTUAL_ENV=$(VENV) $(BIN)/maturin develop --quiet --target-dir target/python-$(VERSION)

.PHONY: help cafe cafe-rust test test-rust test-python test-all compat viewer memcheck memcheck-forky lint \
	conformance loom fuzz forky bench bench-forky bench-counts bench-record bench-rust clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  PYTHON=python3.13 after any of them chooses the Python."

cafe: release ## Serve both cafés on the loop, with their flow: 10 seconds, then 5
	@$(BIN)/cafeloop flow examples/cafe/sync_cafe.py
	@$(BIN)/cafeloop flow examples/cafe/async_cafe.py

cafe-rust: ## Serve both cafés in Rust
	@cargo run --quiet --release -p cafe -- sync
	@cargo run --quiet --release -p cafe -- async

test: test-rust test-python ## Run the tests, in Rust and in Python

test-rust: ## Run the Rust tests
	cargo test --quiet

test-python: develop ## Run the Python tests (on PYTHON)
	$(BIN)/python -m pytest --quiet

test-all: ## Run the Python tests on every Python of this machine
	@for python in $$(.ci/pythons); do $(MAKE) --no-print-directory test-python PYTHON=$$python || exit; done

compat: develop $(VENV)/compat ## Run real programs and libraries on the loop (installs servers if root)
	.ci/servers
	$(BIN)/python -m pytest --quiet tests/compat tests/divergences
	$(BIN)/python tests/divergences/run.py --check

viewer: develop $(VENV)/viewer ## Open HTML pictures in a browser (installs Chromium if root)
	.ci/browser
	$(BIN)/python -m pytest --quiet tests/viewer

memcheck: develop ## Run tests under Valgrind's memcheck (TESTS='tests/embedding --children' for others)
	set -f; $(BIN)/python tests/memcheck/check.py $(TESTS)

memcheck-forky: ## The same on Python 3.14 from Debian's next release (root; FORKY=3.15 for that)
	.ci/forky prepare
	.ci/forky build $(or $(FORKY),3.14)
	set -f; .ci/forky memcheck $(or $(FORKY),3.14) $(TESTS)

conformance: develop ## Run CPython's own asyncio tests on the loop
	$(BIN)/python tests/conformance/run.py --loop cafeloop:new_event_loop --jobs 4 \
		--expect tests/conformance/expected_failures.txt

loom: ## Check the inbox's protocol in every order of its threads
	RUSTFLAGS="--cfg loom" cargo test --quiet --release --target-dir target/loom -p cafeloop --lib inbox

fuzz: ## Feed bytes that nobody thought of to what reads files and what drives connections (SECONDS=60 each; nightly, cargo-fuzz)
	@cargo +nightly fuzz --version > /dev/null 2>&1 || \
		{ echo "'make fuzz' needs a nightly compiler and cargo-fuzz: cargo install cargo-fuzz" >&2; exit 1; }
	mkdir -p fuzz/corpus/recording fuzz/corpus/io
	cargo +nightly fuzz run recording fuzz/corpus/recording crates/cafeloop-flow/tests/recordings -- \
		-max_total_time=$(or $(SECONDS),60) -max_len=8192
	cargo +nightly fuzz run io fuzz/corpus/io fuzz/seeds/io -- -max_total_time=$(or $(SECONDS),60) -max_len=512

forky: ## Run the Python tests on 3.14 and 3.15, from Debian's next release (root)
	.ci/forky prepare
	for version in 3.14 3.15; do \
		.ci/forky build $$version && .ci/forky test $$version --quiet && \
		.ci/forky conformance $$version || exit; \
	done

bench: release $(VENV)/peers ## Compare with other loops (ROWS='echo*' LOOPS='asyncio uvloop cafeloop')
	@cargo build --quiet --release --package cafeloop-load
	@$(BIN)/python -m benches.compare $(if $(ROWS),--rows '$(ROWS)') \
		$(if $(LOOPS),--loops '$(LOOPS)') $(OPTIONS)

bench-forky: ## The same on Python 3.14 from Debian's next release (root; FORKY=3.15 for that)
	@.ci/forky prepare
	@.ci/forky bench $(or $(FORKY),3.14) $(if $(ROWS),--rows '$(ROWS)') \
		$(if $(LOOPS),--loops '$(LOOPS)') $(OPTIONS)

# A reason may hold quotes, so it goes by the environment.
export UPDATE
bench-counts: release ## Compare instruction counts with the stored (ROWS='queue event', UPDATE='reason')
	set -f; $(BIN)/python -m benches.counts $(ROWS) $(if $(UPDATE),--update "$$UPDATE")

bench-record: release ## Measure what recording costs, beside the same work without
	@$(BIN)/python -m benches.recording

bench-rust: ## Measure the engine's parts (BENCH='timers' for one file, ROWS='fire' for some of it)
	set -f; cargo bench --quiet --package cafeloop --bench '$(or $(BENCH),*)' -- $(ROWS)

lint: develop ## Check formatting, lints, types and documentation
	cargo fmt --check
	cargo clippy --quiet --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --quiet --no-deps
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy.stubtest cafeloop --ignore-missing-stub \
		--allowlist tests/typing/stubtest_allowed.txt

clean: ## Remove what was built
	rm -rf target fuzz/target .venv-* .rootfs python/cafeloop/*.so

# --- what the commands above need

.PHONY: develop release

develop: $(VENV)/ready
	$(DEVELOP)

release: $(VENV)/ready
	@echo "Building cafeloop for Python $(VERSION) (the first time takes about three minutes)..." >&2
	@$(DEVELOP) --release

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1" "maturin>=1.9,<2"
	$(BIN)/python -m pip install --quiet --group test
	@touch $@

$(VENV)/compat: pyproject.toml | $(VENV)/ready
	$(BIN)/python -m pip install --quiet --group compat
	@touch $@

$(VENV)/viewer: pyproject.toml | $(VENV)/ready
	$(BIN)/python -m pip install --quiet --group viewer
	@touch $@

# The peers, each at its newest release of that day; remove the file for those of another.
$(VENV)/peers: benches/compare/loops.py pyproject.toml | $(VENV)/ready
	@echo "Installing the loops to compare with..." >&2
	@$(BIN)/python -m benches.compare install
	@touch $@
