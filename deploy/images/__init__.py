"""Images for containers: the services' and the gateway's, and stand-ins for the official ones where no registry is."""
