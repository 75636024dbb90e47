# Through Train. `make` alone lists what can be done; only Python ≥ 3.11 and make are needed beforehand.
# Programs of .venv are run as modules: their scripts' first lines break in folders with a space in the name.

PYTHON ?= python3
PY := .venv/bin/python
ARGS ?=

ifneq ($(filter 3.7% 3.80 3.80.%,$(MAKE_VERSION)),)
$(error GNU make 3.81 or newer is needed, and this is $(MAKE_VERSION): install one, and name it as in `gmake run`)
endif

.DEFAULT_GOAL := help
.PHONY: help run account demo shell logs observe topics psql pace parked rebuild reference rotate-keys erase bench bench-check bench-large audit doors screenshots docs test chaos fuzz lint format schema release-contracts lock images test-containers token clean clean-data docker venv there

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-17s %s\n' "$$name" "$$text"; done

run: venv ## start everything and keep it running until Ctrl-C; DISTRICT=small for a small demonstration district
	@$(if $(DISTRICT),THROUGH_TRAIN_DISTRICT="$(DISTRICT)") $(PY) -m deploy.local run $(ARGS)

demo: there ## play a case on the running system: CASE=sewer (default), household, estate, late, order or departments; PACE=0 without pauses
	@SPEED="$(SPEED)" PACE="$(PACE)" $(PY) -m deploy.local demo "$(CASE)"

pace: there ## let the running system's domain time run faster: make pace SPEED=600 ARGS="--minutes 5"
	@$(PY) -m deploy.local pace $(if $(SPEED),"$(SPEED)") $(ARGS)

parked: there ## events that the running system holds up: make parked SERVICE=intake ARGS=list
	@$(PY) -m deploy.local parked "$(SERVICE)" $(ARGS)

rebuild: there ## make what a service keeps of the others anew, from the topics, while it serves: make rebuild SERVICE=feedback
	@$(PY) -m deploy.local rebuild "$(SERVICE)"

reference: there ## the running system's places, people, departments: make reference SERVICE=intake ARGS=list
	@$(PY) -m deploy.local reference "$(SERVICE)" $(ARGS)

rotate-keys: there ## wrap the running system's record keys anew: make rotate-keys ARGS="--new-master --by NAME"
	@$(PY) -m deploy.local intake rotate-keys $(ARGS)

erase: there ## erase a petition's personal data for good: make erase ARGS="PETITION --by NAME --because TEXT"
	@$(PY) -m deploy.local intake erase $(ARGS)

token: there ## print a demo user's token: make -s token ROLE=street_committee
	@$(PY) -m deploy.local token "$(ROLE)"

shell: export THROUGH_TRAIN_QUERY = $(value QUERY)
shell: there ## ask GraphQL from the terminal: make shell ROLE=street_committee, or QUERY='{ me { roles } }'
	@$(PY) -m deploy.local shell "$(ROLE)"

logs: there ## print the running system's logs readably: make logs SERVICE=intake (or all)
	@$(PY) -m deploy.local logs "$(SERVICE)"

observe: there ## the running system's main figures and latest traces, or a petition's: make observe PETITION=id
	@$(PY) -m deploy.local.observe show $(if $(PETITION),"$(PETITION)")

topics: there ## print the events on the topics readably, as they come: make topics ABOUT=petition.dispatch
	@$(PY) -m deploy.local topics "$(ABOUT)"

account: there ## give a department a login for its feed: make account DEPARTMENT=housing (ARGS=--withdraw)
	@$(PY) -m deploy.local account "$(DEPARTMENT)" $(ARGS)

psql: there ## open a service's database: make psql SERVICE=intake ARGS="-c '\dt'"
	@$(PY) -m deploy.local psql "$(SERVICE)" $(ARGS)

audit: there ## prove on the running system that no open petition lacks a clock; ARGS=--full checks everything
	@$(PY) -m deploy.local audit $(ARGS)

test: venv ## run all tests on real servers; ARGS="tests/unit -k name" chooses
	@$(PY) -m deploy.local setup
	@$(PY) -m pytest -n 2 --dist loadscope $(ARGS)

test-containers: docker venv ## run the service and system tests on containers; IMAGES=local: on those of `make images`
	@$(if $(IMAGES),THROUGH_TRAIN_IMAGES="$(IMAGES)") $(PY) -m deploy.images require
	@$(PY) -m deploy.local setup
	@$(if $(IMAGES),THROUGH_TRAIN_IMAGES="$(IMAGES)") THROUGH_TRAIN_TEST_SERVERS=containers \
		$(PY) -m pytest -n 2 --dist loadscope $(ARGS)

images: docker venv ## build images without an image registry: the services', the gateway's, PostgreSQL's, Kafka's
	@$(PY) -m deploy.local setup
	@$(PY) -m deploy.images build $(ARGS)

doors: venv ## try every door with every role on a running district, and print the matrix
	@$(PY) -m deploy.local setup
	@$(PY) -m pytest -q -s tests/system/doors

screenshots: venv ## use console and documentation in Chromium, and take the pictures of both anew
	@$(PY) -m deploy.local setup
	@THROUGH_TRAIN_PICTURES=docs/images $(PY) -m pytest -q tests/system/console tests/system/words/test_pages.py $(ARGS)

docs: venv ## build the documentation as a site with search, in build/site
	@$(PY) -m deploy.site

bench: venv ## measure, and keep the figures under bench/results: make bench ARGS=parking
	@$(PY) -m deploy.local setup
	@$(PY) -m bench $(ARGS)

bench-check: venv ## what got slower, beyond noise, since the committed figures: make bench-check OLD=before.json NEW=after.json
	@$(PY) -m bench.check "$(OLD)" "$(NEW)"

bench-large: venv ## make an installation with N petitions, and measure every list and lives on it: make bench-large N=100000 ARGS="--folder DIR"
	@$(PY) -m deploy.local setup
	@$(PY) -m bench.large "$(or $(N),100000)" $(ARGS)

chaos: venv ## let faults strike at random under load, then check: make chaos SECONDS=120 SEED=1
	@$(PY) -m deploy.local setup
	@$(PY) -m tests.faults.campaign --seconds "$(or $(SECONDS),120)" --seed "$(or $(SEED),1)" $(ARGS)

fuzz: venv ## send the whole district requests made by chance: make fuzz CASES=5000 SEED=7
	@$(PY) -m deploy.local setup
	@$(PY) -m tests.system.fuzz.campaign --cases "$(or $(CASES),2000)" --seed "$(or $(SEED),1)" $(ARGS)

lint: venv ## check style, types, imports, generated files, licences and secrets
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m basedpyright --warnings
	$(PY) -c 'from importlinter.cli import lint_imports_command as check; check()'
	$(PY) -m services.contracts check
	$(PY) -m services.contracts compatible
	$(PY) -m gateway.schema check
	$(PY) -m gateway.schema compatible
	$(PY) -m gateway.access check
	$(PY) -m deploy.observe check
	$(PY) -m deploy.supply check

format: venv ## format the code and mend what can be mended by machine
	$(PY) -m ruff check --fix-only
	$(PY) -m ruff format

schema: venv ## write the generated files: events, their catalogue, SDL, supergraph, licences
	$(PY) -m services.contracts write
	$(PY) -m gateway.schema write
	$(PY) -m gateway.access write
	$(PY) -m deploy.observe write
	$(PY) -m deploy.supply write

release-contracts: venv ## make the contracts as they are committed the release that later ones are held against
	$(PY) -m services.contracts releasable
	$(PY) -m gateway.schema releasable
	$(PY) -m services.contracts release
	$(PY) -m gateway.schema release

lock: venv ## choose and lock versions anew: make lock ARGS=--upgrade
	$(PY) -m deploy.local.lock $(ARGS)
	@$(PYTHON) deploy/local/bootstrap.py
	$(PY) -m deploy.supply jars
	$(PY) -m deploy.supply write

clean: ## remove what was installed and downloaded, but no data
	@"$(PYTHON)" deploy/local/clean.py

clean-data: there ## remove the local run's databases, topics and keys
	@$(PY) -m deploy.local clean-data

# Before anything is set up for containers: whether there is what runs them.
docker:
	@"$(PYTHON)" deploy/images/engine.py

venv:
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11 or newer," \
		"or name it, as in \`make run PYTHON=/opt/python3.12/bin/python3\`." >&2; exit 1; }
	@"$(PYTHON)" deploy/local/bootstrap.py

# For what looks into a running system: where nothing was ever set up nothing runs, and nothing is downloaded to say so.
there:
	@test -e .venv/made-from || { echo "Nothing is set up here yet: start the system with \`make run\` first." >&2; exit 1; }
	@"$(PYTHON)" deploy/local/bootstrap.py
