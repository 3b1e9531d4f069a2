# The commands of the project, in one place. `make help` lists them.

MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
# Debian's users have no sbin in their path, and ip, ipvsadm and keepalived are there.
export PATH := $(PATH):/usr/sbin:/sbin

# Targets that need namespaces, the lab or valgrind are not nextest's (see .config/nextest.toml).
in_the_lab := lab net work
units := --lib --bins \
  $(addprefix --test ,$(basename $(notdir $(wildcard tests/*.rs)))) \
  $(addprefix --test ,$(filter-out $(in_the_lab),$(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs))))
has_nextest = cargo nextest --version >/dev/null 2>&1

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what tests and demo need (Debian); does nothing where it is there
	@tests/lab/setup

.PHONY: build
build: ## Build the program
	cargo build

.PHONY: test
test: setup lint unit work net lab ## Everything: format, lints, documentation, unit tests, namespaces, lab

.PHONY: lint
lint: ## Format, clippy, documentation, dependencies' licences
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --no-default-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --quiet
	@if command -v cargo-deny >/dev/null; then \
	  echo cargo deny check bans licenses sources; cargo deny check bans licenses sources; \
	else echo 'cargo-deny is not installed, licences are not checked (cargo install cargo-deny)'; fi

.PHONY: unit
unit: ## Unit, property and documentation tests, which need no privileges
	@if $(has_nextest); then \
	  echo cargo nextest run; cargo nextest run --show-progress none; \
	else \
	  echo cargo test $(units); cargo test $(units); \
	fi
	cargo test --doc

.PHONY: sim
sim: ## Many stories of the VRRP simulation (VIPD_SIM_SEEDS=100000)
	VIPD_SIM_SEEDS=$(or $(VIPD_SIM_SEEDS),100000) nice cargo test --test sim -- --nocapture

.PHONY: bugs
bugs: ## Deliberate bugs in the VRRP machines, each of which the simulation must find
	@tests/sim/bugs/run

.PHONY: stories
stories: setup ## Stories that chance writes, with keepalived and with vipd (STORIES=50 FROM=0)
	VIPD_STORIES=$(or $(STORIES),50) VIPD_STORIES_FROM=$(or $(FROM),0) cargo test --test net -- story::chance

.PHONY: programs
programs: setup ## Checks whose programs hang, so many at once (PROGRAMS=10000)
	VIPD_PROGRAMS=$(or $(PROGRAMS),10000) cargo test --test net -- programs:: --nocapture

.PHONY: work
work: setup ## How the work of checking a configuration grows with it, in instructions
	cargo test --test work

.PHONY: net
net: setup ## Tests in network namespaces, on this machine's kernel
	cargo test --test net

.PHONY: lab
lab: setup ## Tests that need IPVS, in the lab (NAME=part of a test's name)
	cargo test --test lab -- $(NAME)

.PHONY: man
man: ## Write the manual pages in man/ anew
	WRITE_MAN=1 cargo test --quiet --test man

# Decoders of bytes, by the names that src/fuzzing.rs gives them.
decoders := advert claim ah trailer answers netlink ipvs proc sockopt rules message config

.PHONY: fuzz
fuzz: ## Look for texts and bytes that break what reads them (TEXTS=10000000, and SECONDS_EACH=600 of libFuzzer)
	cd fuzz && for target in parse fmt $(decoders); do \
	  nice cargo run --release --example storm -- $$target $(or $(TEXTS),10000000); done
	@if cargo fuzz --version >/dev/null 2>&1; then \
	  cd fuzz && cargo run --quiet --release --example seeds -- corpus && \
	  run() { \
	    mkdir -p corpus/$$1 && nice cargo fuzz run -s none $$1 corpus/$$1 corpus/$$2 -- \
	      -max_len=4096 -timeout=10 -rss_limit_mb=1024 -max_total_time=$(or $(SECONDS_EACH),600) "$${@:3}"; \
	  } && \
	  for target in parse fmt; do run $$target seeds -dict=corpus/words; done && \
	  for target in $(decoders); do run $$target seeds-$$target; done; \
	else echo 'cargo-fuzz is not installed, coverage is not looked at (cargo install cargo-fuzz)'; fi

.PHONY: demo
demo: setup ## The two-director set-up, told live in the terminal
	@cargo build --bin vipd --example demo
	@target/debug/examples/demo

.PHONY: bench
bench: setup ## The benchmarks
	cargo bench
