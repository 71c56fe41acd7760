"""`python -m faults`, which `scripts/test --faults` runs."""

import sys

from faults.run import main

sys.exit(main())
