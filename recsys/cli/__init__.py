"""The command line: parse, call `recsys.app`, print. One file per command."""
