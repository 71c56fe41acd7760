"""Lists that were served to people whose rates are known, for tests of online metrics."""

import numpy as np
import pandas as pd

from recsys.evaluation.online.rates import MEASURES


def simulated(
    rates: dict[str, float], n_people: int, seed: int, lists: int = 8, spread: float = 20.0
) -> pd.DataFrame:
    """Lists of people who click with a probability of their own, of this mean for each version."""
    rng = np.random.default_rng(seed)
    versions = list(rates)
    person = np.arange(n_people)
    version = rng.choice(len(versions), n_people)
    mean = np.array([rates[one] for one in versions])[version]
    own = rng.beta(mean * spread, (1 - mean) * spread)
    n = rng.integers(1, 2 * lists, n_people)
    rows = np.repeat(person, n)
    return with_measures(
        pd.DataFrame(
            {
                "person": rows,
                "version": np.array(versions)[version[rows]],
                "arm": np.where(version[rows] == 0, "current", "candidate"),
                "time": rng.uniform(0, 1000, len(rows)),
                "click_through": rng.random(len(rows)) < own[rows],
            }
        )
    )


def with_measures(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{name: 0 for name in MEASURES if name not in frame})
