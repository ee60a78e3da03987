# Everything sets itself up. `make` lists what there is.
VENV := .venv
BIN := $(VENV)/bin
RUN_DIR := run

.DEFAULT_GOAL := help
.PHONY: help demo test test-compose compose-secrets lint cluster cluster-down test-cluster soak bench bench-lab docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.runtime: pyproject.toml .ci/make-venv
	@sh .ci/make-venv $(VENV)
	@touch $@

$(VENV)/.dev: pyproject.toml .ci/make-venv
	@sh .ci/make-venv $(VENV) dev
	@touch $@ $(VENV)/.runtime

demo: $(VENV)/.runtime ## run on a shipped recording: incidents beside the truth, and a report
	@$(BIN)/crosstide demo --output out/demo

test: $(VENV)/.dev ## all tests: pure, operators, mini-cluster, real broker, cluster and browser
	@sh .ci/system-packages || echo "tests that need them will be skipped, and say so"
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest

test-compose: $(VENV)/.dev ## docker-compose.yml really run, where containers can be: incidents equal, also after a kill
	@$(BIN)/python -m pytest -s -m compose tests/test_compose.py

compose-secrets: ## a random password for Grafana in docker-compose.yml, as a file
	@mkdir -p $(RUN_DIR)/secrets && chmod 700 $(RUN_DIR)/secrets
	@test -s $(RUN_DIR)/secrets/grafana_password || head -c 18 /dev/urandom | base64 > $(RUN_DIR)/secrets/grafana_password
	@chmod 644 $(RUN_DIR)/secrets/grafana_password # read in the container by another user; here the folder keeps others out

lint: $(VENV)/.dev ## ruff, and mypy in strict mode
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet . && $(BIN)/mypy --no-error-summary

cluster: $(VENV)/.dev ## real Kafka and Flink on this machine, the recording fed through, its incidents printed
	@sh .ci/system-packages
	@$(BIN)/crosstide cluster up --run-dir $(RUN_DIR)
	@$(BIN)/crosstide cluster replay --run-dir $(RUN_DIR)

cluster-down: ## stop what `make cluster` started
	@if [ -x $(BIN)/crosstide ]; then $(BIN)/crosstide cluster down --run-dir $(RUN_DIR); fi

bench: $(VENV)/.dev ## speed beside Flink itself and the rivals; BENCH='--only live', BENCH=--quick
	@sh .ci/system-packages
	@$(BIN)/python -m bench.throughput $(BENCH)

test-cluster: $(VENV)/.dev ## every fault on real processes, against the same input without; FAULTS="--quick" for less
	@sh .ci/system-packages
	@$(BIN)/python -m pytest -m kills tests/test_one_kill.py tests/test_recovery.py
	@$(BIN)/python -m bench.faults $(FAULTS)

soak: $(VENV)/.dev ## an hour under load, a kill every five minutes: nothing may grow; MINUTES=20 for less
	@sh .ci/system-packages
	@$(BIN)/python -m bench.soak $(if $(MINUTES),--minutes $(MINUTES))

bench-lab: $(VENV)/.dev ## the lab's recordings judged, beside two rivals; FRESH=7 records anew with that seed first
	@$(BIN)/python -m bench.lab $(if $(FRESH),--fresh $(FRESH)) $(BENCH_LAB)

docs: $(VENV)/.dev ## write the generated pages anew: docs/configuration.md, docs/schemas
	@$(BIN)/python -m crosstide.docs

clean: cluster-down ## remove everything that was made here
	@rm -rf $(VENV) .cache out build dist *.egg-info $(RUN_DIR)
