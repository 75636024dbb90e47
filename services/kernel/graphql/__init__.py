"""What the three subgraphs share: context, guards, errors, connections, shared types, the endpoint."""

from services.kernel.graphql import enums as _enums

_enums.register()  # before any type that uses them is declared
