#!/usr/bin/env python3
"""The same as `recsys recommend`."""

import sys

from recsys.cli.main import run

run(["recommend", *sys.argv[1:]])
