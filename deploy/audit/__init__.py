"""The independent check: what the topics and the databases say, held against each other and against the rules.

It is written from the contracts and the state machines, not with the services' code, so that a mistake there is not
made here a second time; and it only reads. Two uses: `check.check` after faults, and `python -m deploy.audit` on a
living system.
"""
