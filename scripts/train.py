#!/usr/bin/env python3
"""Thin door to `recsys train`: the same use case, the same options."""

import sys

from recsys.cli.main import run

run(["train", *sys.argv[1:]])
