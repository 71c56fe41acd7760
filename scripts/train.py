#!/usr/bin/env python3
"""The same as `recsys train`."""

import sys

from recsys.cli.main import run

run(["train", *sys.argv[1:]])
