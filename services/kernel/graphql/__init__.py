"""What the three subgraphs share: context, guards, errors, connections, shared types, the endpoint."""
