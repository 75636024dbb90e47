"""The AsyncAPI document held against the specification, with its makers' own parser: for tests alone."""
