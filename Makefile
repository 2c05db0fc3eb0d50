# Two commands: `make demo` and `make test`. Each does all of its own set-up on a fresh Debian machine with Rust:
# it says what it is about to do, installs only what is missing, and installs nothing twice.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.PHONY: help demo test test-kills test-failpoints test-cuts lint fmt docs bench setup-build setup-test setup-bench

# Compiled dependencies are shared by all clones on a machine: the first build takes minutes, the next one seconds.
CARGO_TARGET_DIR ?= $(HOME)/.cache/plimsoll/target
export CARGO_TARGET_DIR
# What the benchmarks measure beside us: two programs and a Python environment.
PLIMSOLL_PEERS ?= $(HOME)/.cache/plimsoll-peers
export PLIMSOLL_PEERS
export PATH := $(PATH):$(HOME)/.cargo/bin
export DEBIAN_FRONTEND := noninteractive

# command:Debian package that brings it
BUILD_TOOLS := cc:gcc make:make
TEST_TOOLS := curl:curl chromium:chromium prometheus:prometheus psql:postgresql-client amtool:prometheus-alertmanager openssl:openssl python3:python3 node:nodejs npm:npm strace:strace redis-server:redis-server

PYTHON_READY := .venv/.ready
NODE_READY := tests/clients/node_modules/.ready

# $(call install_missing,command:package ...) fails with a cure when a package can't be had.
define install_missing
packages=()
for pair in $(1); do
  command -v "$${pair%%:*}" >/dev/null || packages+=("$${pair##*:}")
done
if [[ " $(1) " == *" psql:postgresql-client "* ]] && ! compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null; then
  packages+=(postgresql)
fi
if [[ " $(1) " == *" python3:python3 "* ]] && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  packages+=(python3-venv)
fi
if (( $${#packages[@]} )); then
  echo "==> installing Debian packages: $${packages[*]}"
  as_root=(); (( $$(id -u) == 0 )) || as_root=(sudo --preserve-env=DEBIAN_FRONTEND)
  install=("$${as_root[@]}" apt-get install -y -qq --no-install-recommends "$${packages[@]}")
  "$${install[@]}" >/dev/null 2>&1 || { "$${as_root[@]}" apt-get update -qq && "$${install[@]}" >/dev/null; } \
    || { echo "could not install $${packages[*]}: install them by hand, then run make again" >&2; exit 1; }
fi
endef

help: ## Shows this list
	@echo "plimsoll: what make can do here"
	grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)$$/  make \1\t\2/' | expand -t 18
	echo "Compiled code goes to $(CARGO_TARGET_DIR) (set CARGO_TARGET_DIR to change that)."

demo: setup-build ## Plays a distributor's day with a real fault in it, on loopback, until the page leaves
	@cargo build --locked --bin plimsoll
	exec "$(CARGO_TARGET_DIR)/debug/plimsoll" demo $(DEMO_FLAGS)

test: setup-build setup-test lint ## Format, lints and every test, the product's own included
	@echo "==> tests (10 to 15 minutes once compiled)"
	cargo test --workspace --locked --no-fail-fast

test-kills: setup-build setup-test ## kill -9 two hundred times under load (KILLS=n for another number); prints the figures
	@PLIMSOLL_KILLS=$(or $(KILLS),200) cargo test --locked --test it kills_under_load -- --nocapture

test-failpoints: setup-build setup-test ## Every fault at every step from a request to its rows (100 runs)
	@PLIMSOLL_FAILPOINTS=all cargo test --locked --test it failpoints

test-cuts: setup-build setup-test ## Cut the power three thousand times (CUTS=n for another number), with and without failing syncs
	@PLIMSOLL_CUTS=$(or $(CUTS),3000) cargo test --locked --test it power_cut

lint: setup-build ## Format and lints only
	@echo "==> format and lints"
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

fmt: ## Formats every crate
	@cargo fmt --all

docs: setup-build ## Makes docs/signals.md of docs/signals.yaml
	@PLIMSOLL_WRITE_DOCS=1 cargo test --workspace --locked --test tidy the_page_is_made

bench: $(addprefix bench-,P1 P2 P4 P5 P6 P7 P9 P10 R8 R14) ## Measures us beside our peers: about an hour; benches/README.md says what

bench-%: setup-build setup-bench ## One measure, as in `make bench-P1 BENCH_FLAGS="--runs 3"`
	@cargo build --release --locked --bin plimsoll
	PLIMSOLL_BENCH_SCRATCH="$${PLIMSOLL_BENCH_SCRATCH:-$(CARGO_TARGET_DIR)/bench-scratch}" \
	  "$(PLIMSOLL_PEERS)/venv/bin/python" benches/run.py --binary "$(CARGO_TARGET_DIR)/release/plimsoll" $(BENCH_FLAGS) $*

# A C compiler, and a word about how long the first build takes.
setup-build:
	@$(call install_missing,$(BUILD_TOOLS))
	command -v cargo >/dev/null \
	  || { echo "cargo is missing: install Rust 1.95 or later (rustup does it without root), then run make again" >&2; exit 1; }
	if [[ ! -d "$(CARGO_TARGET_DIR)/debug/deps" ]]; then
	  echo "==> first build: about 600 crates, some 15 minutes on 2 cores; they go to $(CARGO_TARGET_DIR)"
	fi

# Everything the product tests talk to: psql, amtool, OpenTelemetry SDKs, DuckDB, an SMTP server.
setup-test:
	@$(call install_missing,$(TEST_TOOLS))
	$(MAKE) --no-print-directory --silent $(PYTHON_READY) $(NODE_READY)

# rotel comes without what it names: that would drag in pre-releases of others.
setup-bench:
	@$(call install_missing,python3:python3 prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager)
	python="$(PLIMSOLL_PEERS)/venv/bin/python"
	if [[ ! "$(PLIMSOLL_PEERS)/venv/.ready" -nt benches/requirements.txt ]]; then
	  echo "==> Python peers into $(PLIMSOLL_PEERS)/venv (about 20 seconds)"
	  python3 -m venv "$(PLIMSOLL_PEERS)/venv"
	  "$$python" -m pip install --quiet --disable-pip-version-check --requirement benches/requirements.txt
	  "$$python" -m pip install --quiet --disable-pip-version-check --pre --no-deps rotel==0.0.1a15
	  touch "$(PLIMSOLL_PEERS)/venv/.ready"
	fi
	if [[ ! -x "$(PLIMSOLL_PEERS)/o2p/bin/otlp2parquet" ]]; then
	  echo "==> building otlp2parquet into $(PLIMSOLL_PEERS)/o2p (about 8 minutes)"
	  cargo install otlp2parquet --version 0.12.0 --locked --quiet --root "$(PLIMSOLL_PEERS)/o2p"
	fi

$(PYTHON_READY): tests/clients/requirements.txt
	@echo "==> Python clients into .venv (about 15 seconds)"
	rm -rf .venv
	python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

$(NODE_READY): tests/clients/package.json tests/clients/package-lock.json
	@echo "==> Node clients into tests/clients/node_modules (about 10 seconds)"
	npm ci --prefix tests/clients --silent --no-audit --no-fund --ignore-scripts
	touch $@
