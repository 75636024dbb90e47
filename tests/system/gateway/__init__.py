"""The gateway alone, over subgraphs that answer what a test tells them; it ends with the last of these tests."""
