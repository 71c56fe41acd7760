"""`python -m recsys`: the `recsys` command."""

from recsys.cli.main import run

if __name__ == "__main__":
    run()
