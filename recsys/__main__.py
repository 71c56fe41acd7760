"""The `recsys` command, which is also `python -m recsys`."""

import gc


def main() -> None:
    """Runs the command line in a process that has nothing else to do."""
    # A collector that scans every few hundred new objects costs a tenth of a cold start; one that
    # scans all of them once more at the end, when the system frees them anyway, another tenth.
    gc.set_threshold(100_000, 50, 50)
    from recsys.cli.main import run

    try:
        run()
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
