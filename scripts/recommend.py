#!/usr/bin/env python3
"""Thin door to `recsys recommend`: the same use case, the same options."""

import sys

from recsys.cli.main import run

run(["recommend", *sys.argv[1:]])
