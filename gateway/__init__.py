"""The federation gateway: its engine runs on Node, its schema is written from the services' Python."""
