#!/usr/bin/env python3
"""Gets MovieLens 100K from PyPI, for networks that reach PyPI but not GroupLens.

    scripts/ml_100k_from_pypi.py [FOLDER]

The recbole package carries a copy of it. pip downloads its wheel without installing anything: it
takes no source package, whose build would run code, and only the wheel with the hash below.
"""

import subprocess
import sys
from pathlib import Path

from recsys.errors import RecsysError
from recsys.ratings.archives import unpack
from recsys.ratings.datasets import filling, licence_of

REQUIREMENT = (
    "recbole==1.2.1 --hash=sha256:9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
)
INSIDE = "recbole/dataset_example/ml-100k/"


def bring(folder: Path, requirement: str = REQUIREMENT) -> None:
    """Makes `folder` the data set; does nothing where it has ratings.

    Raises:
        subprocess.CalledProcessError: pip does not get the wheel; it has said why.
        DataError: the wheel is damaged, or the folder holds something else.
    """
    with filling(folder) as work:
        if work is None:
            return
        requirements = work.place / "requirements.txt"
        requirements.write_text(requirement)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"]
        command += ["--dest", str(work.place), "--requirement", str(requirements)]
        subprocess.run(command, check=True)
        (wheel,) = work.place.glob("*.whl")
        unpack(wheel, work.place, lambda name: name.startswith(INSIDE))
        work.finish(work.place / INSIDE)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "data/ml-100k")
    try:
        bring(target)
    except (subprocess.CalledProcessError, RecsysError, OSError) as error:
        sys.exit(f"{Path(__file__).name}: {error}")
    print(f"Licence of ml-100k:\n{licence_of(target)}\n", file=sys.stderr)
    print(target)
