"""How the system is run: on one machine (`local`), in containers and in a district."""
