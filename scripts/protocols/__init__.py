"""Published protocols, each in a module of its own; scripts/reproduce.py runs them."""

from protocols import intervals, lightgcn, movielens, ncf, strong

PROCEDURES = {
    one.name: one
    for one in (
        *movielens.PROCEDURES,
        ncf.PROCEDURE,
        *strong.PROCEDURES,
        *lightgcn.PROCEDURES,
        *intervals.PROCEDURES,
    )
}
"""Name → protocol, in the order of the page."""
