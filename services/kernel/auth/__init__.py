"""Identity: verified tokens, the keys folder, the development issuer."""
