#!/usr/bin/env python3
"""Thin door to `recsys evaluate`: the same use case, the same options."""

import sys

from recsys.cli.main import run

run(["evaluate", *sys.argv[1:]])
