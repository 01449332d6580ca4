# The few commands of this project, for people and CI alike; `make help` lists them. Everything they need beyond Rust,
# a C compiler, make and Python >= 3.11 with pip goes into .venv/ and target/ of this checkout. Once it is there, all but
# `audit` and `dist` work without a network.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= python3
CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
PY := .venv/bin/python
PIP := $(PYTHON) -m pip --python $(PY) --disable-pip-version-check
REQUIREMENTS := tests/python/requirements.txt
REQUIREMENTS_BUILD := tests/python/requirements-build.txt

# PyO3 is compiled again whenever these change: maturin sets them so, and linting must not undo its work.
AS_MATURIN = PYO3_BUILD_EXTENSION_MODULE=1 PYO3_PYTHON=$(CURDIR)/$(PY) \
    PYO3_CONFIG_FILE=$$(ls -t $(abspath $(TARGET))/maturin/pyo3-config-*.txt | head -n 1)

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: release-wheel ## The five-minute tour: two accounts, 200,000 rows, imported and reported (the first time builds)
	$(PIP) install --quiet --no-index --no-deps --force-reinstall $(TARGET)/release-wheels/*.whl
	@rm -rf $(TARGET)/demo
	@.venv/bin/tillroll demo $(TARGET)/demo

test: test-rust test-python test-c ## All tests: Rust, the wheel, Python, C and C++, and the documents' snippets

test-rust:
	$(CARGO) test --locked

test-python: wheel
	$(PY) -m pytest tests/python

# The library is the one that `cargo test` has built: the same packages at once, so that nothing is compiled twice.
test-c: wheel
	rm -rf $(TARGET)/c
	$(MAKE) --no-print-directory install PROFILE=dev PREFIX=$(abspath $(TARGET))/c/prefix DESTDIR= \
	    INSTALL_BUILD='build --lib --examples'
	TILLROLL_PREFIX=$(abspath $(TARGET))/c/prefix $(PY) -m pytest -c tests/python/pytest.ini --rootdir . tests/c

# With the dev profile's checks on, and optimised. One line a part.
torture: ## All that tries to break it, at length: power cuts, kills, faults, damage, hostile bytes, load (hours)
	TILLROLL_TORTURE_IMAGES=$(TORTURE_IMAGES) $(TORTURE) --test power
	TILLROLL_TORTURE_KILLS=$(TORTURE_KILLS) $(TORTURE) --test crash
	TILLROLL_TORTURE_FAULTS=1 $(TORTURE) --test integration fault_loops::
	TILLROLL_LONG=$(TORTURE_BYTES) $(TORTURE) --test damage
	TILLROLL_FUZZ_CHANGES=$(TORTURE_CHANGES) $(TORTURE) --test integration corpus:: -- --nocapture
	TILLROLL_HISTORY_VERSIONS=$(TORTURE_VERSIONS) $(TORTURE) --test integration history:: -- --nocapture
	CARGO_PROFILE_DEV_OPT_LEVEL=2 $(CARGO) run --locked -p tillroll-tests --example load -- \
	    --minutes $(TORTURE_MINUTES) $(TARGET)/load
	$(MAKE) --no-print-directory memcheck
	$(MAKE) --no-print-directory fuzz
TORTURE = CARGO_PROFILE_DEV_OPT_LEVEL=2 $(CARGO) test --locked -p tillroll-tests
TORTURE_IMAGES ?= 10000
TORTURE_KILLS ?= 1000
TORTURE_BYTES ?= 1
TORTURE_CHANGES ?= 1000
TORTURE_VERSIONS ?= 1000
TORTURE_MINUTES ?= 60

memcheck: wheel ## What the Python suite calls of the module, under Valgrind (half an hour)
	@if command -v valgrind >/dev/null; then \
	    PYTHONMALLOC=malloc $(MEMCHECK) $(PY) -m pytest -p no:cacheprovider $(MEMCHECK_TESTS:%=tests/python/test_%.py); \
	else echo 'memcheck: skipped, there is no valgrind on this machine'; fi
MEMCHECK = valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
    --errors-for-leak-kinds=definite --gen-suppressions=all --num-callers=30 \
    --suppressions=tests/python/valgrind.supp --suppressions=tests/c/valgrind.supp
MEMCHECK_TESTS ?= db errors scan report external_accounts records import

# What it finds new stands in target/fuzz; tests/fuzz/README.md says what becomes of it.
fuzz: ## libFuzzer on every way in, FUZZ_SECONDS each (needs cargo-fuzz and a nightly compiler)
	@if ! $(CARGO) fuzz --version >/dev/null 2>&1 || ! $(CARGO) +nightly --version >/dev/null 2>&1; then \
	    echo 'fuzz: skipped, it takes cargo-fuzz and a nightly compiler'; exit 0; fi; \
	$(CARGO) +nightly fuzz build $(FUZZ); \
	for target in $(FUZZ_TARGETS); do \
	    mkdir -p $(TARGET)/fuzz/{corpus,found}/$$target; \
	    $(CARGO) +nightly fuzz run $(FUZZ) $$target $(TARGET)/fuzz/corpus/$$target tests/fuzz/corpus/$$target -- \
	        -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=4096 -timeout=60 -max_len=65536 \
	        -artifact_prefix=$(TARGET)/fuzz/found/$$target/ -print_final_stats=1; \
	done
FUZZ = -s none --codegen-units 16 --fuzz-dir tests/fuzz --target-dir $(TARGET)/fuzz
FUZZ_TARGETS ?= $(notdir $(wildcard tests/fuzz/corpus/*))
FUZZ_SECONDS ?= 600

lint: wheel ## Format, clippy, rustdoc, ruff, mypy, the stubs against the module, the rules of the repository
	$(CARGO) fmt --all --check
	$(AS_MATURIN) $(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy --strict python/tillroll
	$(PY) -m mypy.stubtest tillroll
	$(CARGO) test --locked --quiet -p tillroll-tests --test integration tidy::

bench: bench-site ## Criterion's kernels; sales beside DuckDB, Polars and SQLite; docs/PERFORMANCE.md (an hour)
	$(PIP) install --quiet --requirement benches/requirements.txt
	$(CARGO) bench --locked -p tillroll-benches
	for rows in $(BENCH_ROWS); do \
	    $(CARGO) run --locked --release -p tillroll-tests --example reports -- --rows $$rows --files 36 \
	        $(TARGET)/bench/reports-$$rows && \
	    PYTHONPATH=$(TARGET)/bench/site $(PY) benches/peers/sales.py $(TARGET)/bench/reports-$$rows \
	        --engines $(BENCH_ENGINES) > $(TARGET)/bench/sales-$$rows.jsonl || exit 1; \
	done
	PYTHONPATH=$(TARGET)/bench/site $(PY) benches/peers/costs.py $(TARGET)/bench/reports-$(firstword $(BENCH_ROWS)) \
	    > $(TARGET)/bench/costs.jsonl
	$(PY) benches/peers/performance.py $(TARGET)/bench/costs.jsonl $(BENCH_ROWS:%=$(TARGET)/bench/sales-%.jsonl)
	PYTHONPATH=$(TARGET)/bench/site $(PY) benches/peers/products.py --count $(BENCH_PRODUCTS)
BENCH_ROWS ?= 1000000 10000000
BENCH_ENGINES ?= tillroll,duckdb,duckdb-key,polars,sqlite
BENCH_PRODUCTS ?= 100000

bench-products: bench-site ## Products in Tillroll and in SQLite with FTS5 in one run; BENCH_PRODUCTS says how many
	PYTHONPATH=$(TARGET)/bench/site $(PY) benches/peers/products.py --count $(BENCH_PRODUCTS)

bench-stores: ## The index store's job, done by sled, redb and LMDB (docs/decisions/0005; the first time builds)
	$(CARGO) run --locked --release --manifest-path benches/stores/Cargo.toml --target-dir $(TARGET)/stores -- $(BENCH_RECORDS)
BENCH_RECORDS ?= 300000

install: ## Headers, libraries, tillroll.pc and a CMake package under PREFIX (/usr/local); DESTDIR stages; PROFILE=dev builds quickly
	@case '$(PREFIX)' in \
	    *[[:space:]\&\|\\]*) echo "PREFIX must be without blanks, &, | and backslashes" >&2; exit 2;; \
	    /*) ;; \
	    *) echo 'PREFIX must be a path from the root: $(PREFIX)' >&2; exit 2;; \
	esac
	$(CARGO) $(INSTALL_BUILD) --locked --target-dir '$(TARGET)' --profile $(PROFILE)
	install -d -m 755 '$(INCLUDE)' '$(LIB)' '$(LIB)/pkgconfig' '$(LIB)/cmake/tillroll'
	install -m 644 include/tillroll.h include/tillroll.hpp '$(INCLUDE)/'
	install -m 644 '$(BUILT)/libtillroll.a' '$(LIB)/'
	install -m 755 '$(BUILT)/$(SHARED)' '$(LIB)/$(SHARED_FULL)'
	ln -sf $(SHARED_FULL) '$(LIB)/$(SHARED_COMPATIBLE)'
	ln -sf $(SHARED_COMPATIBLE) '$(LIB)/$(SHARED)'
	$(if $(MACOS),install_name_tool -id '$(PREFIX)/lib/$(SHARED_COMPATIBLE)' '$(LIB)/$(SHARED_FULL)')
	$(FILL_IN) ffi/tillroll.pc.in > '$(LIB)/pkgconfig/tillroll.pc'
	for file in $(CMAKE_FILES); do $(FILL_IN) ffi/cmake/$$file.in > '$(LIB)/cmake/tillroll/'$$file; done
	chmod 644 '$(LIB)/pkgconfig/tillroll.pc' '$(LIB)/cmake/tillroll/'*.cmake
PREFIX ?= /usr/local
PROFILE ?= release
# Without the Rust library, which the tests link, the linker optimises all crates as one: a third of the size.
INSTALL_BUILD ?= rustc --package tillroll-ffi --lib --crate-type cdylib,staticlib
INCLUDE = $(DESTDIR)$(PREFIX)/include
LIB = $(DESTDIR)$(PREFIX)/lib
BUILT = $(TARGET)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# Before 1.0 a new minor version may break what was; `ffi/build.rs` gives the loader the same name.
COMPATIBLE = $(shell echo $(VERSION) | sed -E 's/^(0\.[0-9]+|[1-9][0-9]*).*/\1/')
MACOS = $(filter Darwin,$(shell uname -s))
SHARED = libtillroll.$(if $(MACOS),dylib,so)
SHARED_COMPATIBLE = libtillroll.$(if $(MACOS),$(COMPATIBLE).dylib,so.$(COMPATIBLE))
SHARED_FULL = libtillroll.$(if $(MACOS),$(VERSION).dylib,so.$(VERSION))
EMPTY =
LIBS_PRIVATE_LIST = $(subst $(EMPTY) $(EMPTY),;,$(strip $(LIBS_PRIVATE)))
CMAKE_FILES = tillroll-config.cmake tillroll-config-version.cmake
FILL_IN = sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@COMPATIBLE@|$(COMPATIBLE)|' \
    -e 's|@LIBS_PRIVATE@|$(LIBS_PRIVATE)|; s|@LIBS_PRIVATE_LIST@|$(LIBS_PRIVATE_LIST)|' \
    -e 's|@SHARED_FULL@|$(SHARED_FULL)|; s|@SHARED_COMPATIBLE@|$(SHARED_COMPATIBLE)|'
# What `rustc --print native-static-libs` says; tests/c links the static library with it.
LIBS_PRIVATE = $(if $(MACOS),-liconv -lSystem -lc -lm,-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc)

header: ## Write include/tillroll.h anew from ffi/src
	TILLROLL_WRITE_HEADER=1 $(CARGO) test --locked --quiet -p tillroll-tests --test integration the_header_is_what_the_source_says

audit: ## Licences and advisories by cargo-deny (needs a network)
	@command -v cargo-deny >/dev/null || test -x $(TARGET)/tools/bin/cargo-deny || \
	    $(CARGO) install --locked --root $(TARGET)/tools cargo-deny
	PATH="$(CURDIR)/$(TARGET)/tools/bin:$$PATH" $(CARGO) deny --locked check

dist: $(PY) dist-c ## What is released, in target/dist: wheel, source package, and an archive for C and C++
	rm -f '$(DIST)'/*.whl
	.venv/bin/maturin sdist -m python/Cargo.toml -o $(DIST)
	.venv/bin/maturin build --release --locked -m python/Cargo.toml -i $(PY) -o $(DIST)

# It is unpacked anywhere: pkg-config and CMake go by where their files lie, the loader on macOS by its search path.
dist-c: ## Headers, libraries, pkg-config file, CMake package and examples, in an archive that needs no Python
	rm -rf '$(STAGE)'
	$(MAKE) --no-print-directory install PREFIX='$(STAGE)' DESTDIR=
	sed -i.old 's|^prefix=.*|prefix=$${pcfiledir}/../..|' '$(STAGE)/lib/pkgconfig/tillroll.pc'
	rm '$(STAGE)/lib/pkgconfig/tillroll.pc.old'
	$(if $(MACOS),install_name_tool -id '@rpath/$(SHARED_COMPATIBLE)' '$(STAGE)/lib/$(SHARED_FULL)')
	cp README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE '$(STAGE)'
	cp -R ffi/examples '$(STAGE)/examples'
	mkdir -p '$(DIST)'
	tar -C '$(dir $(STAGE))' $(TAR_OWNER) -czf '$(DIST)/$(notdir $(STAGE)).tar.gz' '$(notdir $(STAGE))'
DIST = $(TARGET)/dist
# Who built it is nobody's business.
TAR_OWNER = $(if $(MACOS),--uid 0 --gid 0,--owner=0 --group=0 --numeric-owner)
PLATFORM = $(shell uname -sm | tr 'A-Z ' 'a-z-')
STAGE = $(abspath $(TARGET))/stage/tillroll-$(VERSION)-$(PLATFORM)

clean: ## Remove .venv and target
	rm -rf .venv $(TARGET)

# The wheel of the tests has cargo's dev profile: overflow checks and debug assertions on, dependencies shared with
# `cargo test`. The package is tested as installed; a stale module in the source folder would shadow it.
wheel: .venv/.requirements
	rm -rf python/tillroll/*.so $(TARGET)/wheels
	.venv/bin/maturin build --locked --quiet -m python/Cargo.toml -i $(PY) -o $(TARGET)/wheels
	$(PIP) install --quiet --no-index --no-deps --force-reinstall $(TARGET)/wheels/*.whl

release-wheel: $(PY)
	@rm -rf python/tillroll/*.so $(TARGET)/release-wheels
	.venv/bin/maturin build --release --locked -m python/Cargo.toml -i $(PY) -o $(TARGET)/release-wheels

bench-site: release-wheel .venv/.requirements
	rm -rf $(TARGET)/bench/site
	$(PIP) install --quiet --no-index --no-deps --target $(TARGET)/bench/site $(TARGET)/release-wheels/*.whl

# pip is called only when the pins change; what only the tests need is not installed for a demo. The environment needs
# no pip of its own, which some systems package apart.
deps: .venv/.requirements
$(PY): .venv/.requirements-build
	@touch -c $@
.venv/.requirements-build: $(REQUIREMENTS_BUILD)
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Tillroll needs Python 3.11 or newer: make PYTHON=python3.x ...")'
	$(PYTHON) -m venv --without-pip .venv
	$(PIP) install --quiet --requirement $(REQUIREMENTS_BUILD)
	@cp $(REQUIREMENTS_BUILD) $@
.venv/.requirements: $(REQUIREMENTS) .venv/.requirements-build
	$(PIP) install --quiet --requirement $(REQUIREMENTS)
	@cp $(REQUIREMENTS) $@

.PHONY: help demo test torture memcheck fuzz test-rust test-python test-c lint bench bench-products bench-stores install header audit dist dist-c \
    clean wheel release-wheel bench-site deps
