"""What the product is made of that others wrote, under which licences, and that no secret is kept in the repository.

`python -m deploy.supply check` is part of `make lint`, needs no network and only what `.venv` holds;
`python -m deploy.supply write` writes docs/licences.md and is part of `make schema`.
"""
