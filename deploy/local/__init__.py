"""Run the whole system on one machine from packages: `python -m deploy.local --help`."""
