# `make` alone says what there is. Every line below can be typed by hand as well.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# Where it is set, every process that a test starts compiles all that it imports once more.
unexport PYTHONDONTWRITEBYTECODE

bin := .venv/bin
pip := $(bin)/python -m pip --quiet --no-input --disable-pip-version-check
quick := -m "not opa and not controlplane and not postgres and not chromium and not slow"
slow := -m "opa or controlplane or postgres or chromium or slow"

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

# ---------------------------------------------------------------- try it

.PHONY: demo
demo: venv ## the main job end to end on this machine, with nothing else installed
	$(bin)/scaleguard demo --report-dir build/demo

.PHONY: demo-cluster
demo-cluster: venv ## the same with kubectl before a real control plane, which stays up until Ctrl-C
	$(bin)/python -m tests.e2e.demo_cluster $(args)

# ---------------------------------------------------------------- check it

.PHONY: check
check: lint types contracts rego coverage-core ## everything that is quick: run it before each commit

.PHONY: test
test: tools packages check controlplane ## everything, with a real control plane (made with Go on first use)
	$(bin)/pytest -q $(slow)

.PHONY: consistency
consistency: venv ## 500 rounds of conflicting requests through two replicas, and 1,000 requests in a row
	SCALEGUARD_CONSISTENCY_ROUNDS=500 $(bin)/pytest -q -s tests/e2e/test_consistency.py

.PHONY: nothing-lost
nothing-lost: venv ## 20,000 refusals while audit, database and webhook die: each found by its decision
	SCALEGUARD_REFUSALS=5000 $(bin)/pytest -q -s tests/e2e/test_nothing_lost.py

.PHONY: fuzz-oracle
fuzz-oracle: venv controlplane ## what a real API server reads and fills in, and what we read, for twenty times as long
	SCALEGUARD_ORACLE_TIMES=20 $(bin)/pytest -q tests/e2e/test_oracle.py

.PHONY: generated-pods
generated-pods: venv ## 2,000 pods in eleven namespaces: what an API server accepts, it accepts with our patch
	SCALEGUARD_GENERATED_PODS=2000 $(bin)/pytest -q -s tests/e2e/test_generated_pods.py

.PHONY: rolling-restart
rolling-restart: venv ## the webhook's pods replaced ten times under load: no review fails
	SCALEGUARD_ROLLOUTS=10 SCALEGUARD_LOAD_RATE=$(or $(rate),30) $(bin)/pytest -q -s tests/e2e/test_rolling_restart.py

.PHONY: rotation
rotation: venv ## certificates and path renewed every few seconds, for two minutes, with reviews (rate=100 pods a second, two reviews each)
	GOGC=400 SCALEGUARD_ROTATION_SECONDS=120 SCALEGUARD_LOAD_RATE=$(or $(rate),100) $(bin)/pytest -q -s \
	  tests/e2e/test_rotation.py -k while_everything_is_renewed

.PHONY: chaos
chaos: venv ## 20 minutes of load while one part after the other dies (seconds=1200, seed=10): what failed, and why
	SCALEGUARD_CHAOS_SECONDS=$(or $(seconds),1200) SCALEGUARD_CHAOS_SEED=$(or $(seed),10) \
	  $(bin)/pytest -q -s tests/chaos/test_chaos.py

.PHONY: slow-sockets
slow-sockets: venv ## 500 slow and half-open sockets: p99 of honest requests, by turns with and without them
	$(bin)/python -m tests.bench.slow_sockets $(args)

.PHONY: tools
tools: venv
	@$(bin)/python scripts/tools.py

.PHONY: packages
packages:
	@scripts/install-test-packages

.PHONY: lint
lint: venv ## ruff: rules and format; hadolint: the Dockerfile
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/hadolint Dockerfile

.PHONY: types
types: venv ## mypy, strict
	$(bin)/mypy

.PHONY: contracts
contracts: venv ## import-linter: which module may know which
	$(bin)/lint-imports --no-logo

.PHONY: rego
rego: venv ## the policies' own tests, in the embedded engine
	$(bin)/scaleguard policies test

.PHONY: unit
unit: venv ## the tests that need no program but Python
	$(bin)/pytest -q $(quick)

.PHONY: coverage-core
coverage-core: venv ## the same, and every branch of webhook/core must be taken
	$(bin)/pytest -q $(quick) --numprocesses=auto --cov=webhook.core --cov-branch --cov-fail-under=100

.PHONY: cases
cases: venv ## the manifests under tests/cases against their verdicts
	$(bin)/pytest -q $(quick) tests/cases

.PHONY: opa
opa: venv ## the policies in OPA itself
	$(bin)/python tests/controlplane/build.py opa
	$(bin)/pytest -q -m opa

.PHONY: controlplane
controlplane: venv ## make the programs of the tests' control plane (minutes at first, then none)
	$(bin)/python tests/controlplane/build.py all

.PHONY: bench
bench: venv ## the webhook beside no-ops on the same server: half an hour (args='--only gpu-pod', --help)
	@scripts/install-test-packages wrk
	$(bin)/python -m tests.bench.serving $(args)

.PHONY: bench-instructions
bench-instructions: venv ## instructions of a review, counted by valgrind, against the baseline
	@scripts/install-test-packages valgrind
	$(bin)/python -m tests.bench.instructions $(args)

.PHONY: bench-baseline
bench-baseline: ## record that baseline anew
	@$(MAKE) bench-instructions args=--record

.PHONY: bench-review
bench-review: venv ## time and memory of a review of 10,000 documents
	$(bin)/python -m tests.bench.review $(args)

.PHONY: convergence
convergence: venv controlplane ## HPA and VPA that fight, and that do not: four minutes, drawn in docs/convergence.svg
	$(bin)/python -m tests.bench.convergence $(args)

.PHONY: bench-audit
bench-audit: venv ## how much longer admission takes with the audit on
	$(bin)/python -m tests.bench.audit_overhead $(args)

.PHONY: bench-controller
bench-controller: venv ## the controller with 2,000 workloads: cold start, rest, a lost leader
	$(bin)/python -m tests.bench.controller $(args)

# Its own environment as well: Atheris is 35 MB, and not there for all platforms. `make test` has the
# same targets and inputs without it (tests/fuzz/plain.py).
.PHONY: fuzz
fuzz: build/fuzz/.installed ## hostile input by chance: no exception, no second, no growth (count=10000000 executions)
	build/fuzz/bin/python -m tests.fuzz --count $(or $(count),10000000) $(args)

# mutmut's own environment: what it brings is needed for nothing else. It starts pytest once for each
# mutant, without plugins. Without args it begins anew: a mutant that is known is not looked at again.
.PHONY: mutation
mutation: build/mutation/.installed ## do tests tell mutants of the claims apart: an hour of processor (args='webhook.core.overlaps.*')
	$(if $(args),,rm -rf mutants)
	PATH="$(CURDIR)/build/mutation/bin:$$PATH" PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 mutmut run $(args)
	build/mutation/bin/python tests/mutation/score.py

build/mutation/.installed build/fuzz/.installed: build/%/.installed: requirements/%.txt
	$$(scripts/find-python) -m venv --clear build/$*
	build/$*/bin/python -m pip --quiet --no-input --disable-pip-version-check install \
	  --no-compile --no-deps --require-hashes -r $<
	@touch $@

# ---------------------------------------------------------------- keep it

.PHONY: rights
rights: venv controlplane ## docs/rights.md anew: what an API server says that each ServiceAccount may do
	$(bin)/python -m tests.e2e.can_i

.PHONY: format
format: venv ## put Python into shape
	$(bin)/ruff check --fix-only
	$(bin)/ruff format

.PHONY: venv
venv: .venv/.installed ## .venv with all that is needed here, from the lock (PYTHON=… chooses the interpreter)

# Two stamps: another lock costs a new venv, a change of pyproject.toml a second or two.
# --no-deps: the lock is complete, and pip would look at versions that came out after it and end there.
# --no-compile: most of what is installed is never imported, and the rest is compiled then.
.venv/.locked: requirements/dev.txt
	@cmp -s $< $@ || { python=$$(scripts/find-python) && echo "making .venv with $$python" && \
	  "$$python" -m venv --clear .venv && $(pip) install --no-compile --no-deps --require-hashes -r $<; }
	@cp $< $@

.venv/.installed: .venv/.locked pyproject.toml
	@$(pip) install --no-compile --no-deps --no-build-isolation --editable .
	@$(pip) check
	@touch $@

lock := build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --custom-compile-command "make lock" $(args)
all := pyproject.toml --extra postgresql

.PHONY: lock
lock: ## requirements/*.txt from pyproject.toml (args=--upgrade takes newer versions)
	$$(scripts/find-python) -m venv build/lock && build/lock/bin/python -m pip install --quiet uv
	$(lock) $(all) --output-file requirements/runtime.txt
	$(lock) $(all) --output-file requirements/dev.txt --group dev --constraint requirements/runtime.txt
	$(lock) $(all) --output-file requirements/fuzz.txt --group fuzz --constraint requirements/dev.txt
	$(lock) $(all) --output-file requirements/mutation.txt --group mutation --constraint requirements/dev.txt
	$(lock) --output-file requirements/image.txt --group image --constraint requirements/dev.txt
	@! grep -n '://' requirements/*.txt

# Not in `make test`: it asks a service of others, which may be away, and finds what nobody changed here.
.PHONY: audit-dependencies
audit-dependencies: ## known vulnerabilities of all that the locks pin (args='-s osv'; asks a service on the internet)
	$$(scripts/find-python) -m venv build/audit && build/audit/bin/python -m pip install --quiet pip-audit
	build/audit/bin/python scripts/audit_dependencies.py $(args)

.PHONY: dist
dist: venv ## wheel and source archive in dist/
	$(bin)/python -m build --no-isolation --outdir dist

container := docker

.PHONY: image
image: ## the container image (container=podman; args='--build-arg …', docs/install.md)
	$(container) build --build-arg SOURCE_DATE_EPOCH="$$(git log -1 --format=%ct)" \
	  --build-arg REVISION="$$(git rev-parse HEAD)" \
	  --tag "scaleguard:$$(sed -n 's/^ARG VERSION=//p' Dockerfile)" $(args) .

# As the Dockerfile does it: from what is installed, apart from what tells of it.
.PHONY: sbom
sbom: ## what is installed with scaleguard, as CycloneDX: build/sbom/scaleguard.cdx.json
	python=$$(scripts/find-python) && "$$python" -m venv --clear build/sbom/tools && \
	  "$$python" -m venv --clear --without-pip build/sbom/runs
	for lock in image:tools runtime:runs; do \
	  build/sbom/tools/bin/pip --quiet --no-input --disable-pip-version-check --python build/sbom/$${lock#*:} install \
	    --no-compile --no-deps --only-binary :all: --require-hashes -r requirements/$${lock%:*}.txt || exit; done
	build/sbom/tools/bin/cyclonedx-py environment --no-validate --output-reproducible --spec-version 1.6 \
	  --pyproject pyproject.toml --output-file build/sbom/scaleguard.cdx.json build/sbom/runs/bin/python3

.PHONY: clean
clean: ## remove what was made here, except .venv and the programs of the control plane
	rm -rf build dist mutants htmlcov .coverage .coverage.* .hypothesis
	find . -name .venv -prune -o -type d \( -name __pycache__ -o -name '.*_cache' \) -prune -exec rm -rf {} +
