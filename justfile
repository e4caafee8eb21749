# Short names for what is done often; `just` lists them. Nothing here that a plain command could not do.

_list:
    @just --list --unsorted

# Start the service on http://localhost:8080 with the sample province.
demo:
    cargo run --release -- serve --demo

# Drive the main job against a running service and say what happens at each step.
tour:
    cargo run --release -- tour

# Every test; see scripts/test.
test *options:
    scripts/test {{ options }}

# What to run before a commit: no browser, no PostgreSQL.
quick:
    scripts/test --quick

# One crate: its tests and lints.
crate name:
    cargo test -p {{ name }}
    cargo clippy -p {{ name }} --all-targets -- -D warnings

# The standards' examples, clause by clause.
conformance *domains="all":
    cargo run -p conformance -- {{ domains }}

# The figures of BENCHMARKS.md.
bench *arguments:
    cargo bench --bench load -- {{ arguments }}

# Licences, sources and advisories of the dependencies (needs cargo-deny and a network).
deny:
    cargo deny check
