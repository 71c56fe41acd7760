#!/usr/bin/env python3
"""The same as `recsys evaluate`."""

import sys

from recsys.cli.main import run

run(["evaluate", *sys.argv[1:]])
