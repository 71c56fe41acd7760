"""Use cases: what the command line and the service do, without printing."""
