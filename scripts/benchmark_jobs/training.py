"""Jobs about training: epochs, whole fits, and their memory."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import scipy.sparse as sp

from benchmark_jobs.case import Case, Contender, Setting
from benchmark_jobs.data import load, loss, movielens, synthetic
from benchmark_jobs.peer import Answer, Peer
from recsys.csr import entry_rows


def job_epoch(setting: Setting) -> Iterator[Case]:
    """An epoch of implicit ALS by conjugate gradients, at each library's own number of steps."""
    matrix = load(setting.matrix())
    targets = {64: "3.5×", 128: "3×", 256: "4×", 512: "4×", 1024: "4×"}
    for width, target in targets.items():
        # Two and a half passes over all entries on both sides; both tables turned twice, two Gram
        # matrices.
        flops = 20 * width * matrix.nnz + 10 * width**2 * sum(matrix.shape)
        wide = width > 256  # an epoch of the others takes minutes
        libraries = ("recsys", "implicit") if wide else ("recsys", "implicit", "irspack")
        of = {"matrix": setting.matrix(), "width": width, "exact": False}
        contenders = setting.peers(libraries, "train", **of)

        def rate(
            found: dict[str, Answer],
            flops: int = flops,
            contenders: dict[str, Contender] = contenders,
        ) -> dict[str, Answer]:
            more = losses_of(found, contenders, matrix, setting)
            more["recsys"]["GF/s"] = flops / found["recsys"]["seconds"] / 1e9
            return more

        title = f"implicit ALS epoch, CG, f = {width}"
        yield Case(title, contenders, target, rounds=1 if wide else 4, add=rate)


def job_exact(setting: Setting) -> Iterator[Case]:
    """An epoch of implicit ALS with every row solved exactly."""
    matrix = load(setting.matrix())
    for width in (64, 128):
        # Upper triangles of the sums of outer products, factorizations, two substitutions.
        flops = 2 * matrix.nnz * width * (width + 1)
        flops += sum(matrix.shape) * (width**3 / 3 + 4 * width**2)
        of = {"matrix": setting.matrix(), "width": width, "exact": True}
        contenders = setting.peers(("recsys", "irspack"), "train", **of)

        def rate(
            found: dict[str, Answer],
            flops: float = flops,
            contenders: dict[str, Contender] = contenders,
        ) -> dict[str, Answer]:
            more = losses_of(found, contenders, matrix, setting)
            for who, answer in more.items():
                answer["GF/s of Cholesky"] = flops / found[who]["seconds"] / 1e9
            return more

        title = f"implicit ALS epoch, exact, f = {width}"
        yield Case(title, contenders, "2.5×", rounds=4, add=rate)


def losses_of(
    found: dict[str, Answer],
    contenders: dict[str, Contender],
    matrix: sp.csr_matrix,
    setting: Setting,
) -> dict[str, Answer]:
    """The loss of each contender that minimizes our objective, after all epochs of the job."""
    more: dict[str, Answer] = {}
    for who in ("recsys", "irspack"):
        peer = contenders.get(who)
        if who in found and isinstance(peer, Peer):
            more[who] = {"loss": loss(matrix, *peer.factors(setting.folder / "factors.npz"))}
    return more


def job_explicit(setting: Setting) -> Iterator[Case]:
    """A fit of MovieLens with 50 factors, to the error that cmfrec reaches."""
    for name, ratings in movielens():
        path = setting.folder / "explicit.npz"
        np.savez(
            path,
            users=ratings.users.ids[entry_rows(ratings.matrix)],
            items=ratings.items.ids[ratings.matrix.indices],
            values=ratings.matrix.data,
            test=np.random.default_rng(0).random(ratings.n_ratings) < 0.1,
        )
        libraries = ("recsys", "cmfrec", "surprise")
        contenders = setting.peers(libraries, "explicit", ratings=path, epochs=5)
        target = "5×" if name == "MovieLens 1M" else ""
        yield Case(f"explicit ALS, {name}, f = 50", contenders, target)


def job_memory(setting: Setting) -> Iterator[Case]:
    """Peak memory of a process that trains at f = 64, libraries and matrix included."""
    of = {"matrix": setting.matrix(), "width": 64, "exact": False}
    peers = setting.peers(("recsys", "implicit", "irspack"), "train", **of)
    contenders: dict[str, Contender] = {
        name: partial(peak, peer) for name, peer in peers.items() if isinstance(peer, Peer)
    }
    yield Case("peak memory of training, f = 64, GB", contenders, "below every peer", "GB")


def peak(peer: Peer) -> Answer:
    """Runs the job and returns the peak memory of its process so far."""
    return {"GB": peer()["peak"] / 1e9}


def job_large(setting: Setting) -> Iterator[Case]:
    """A whole training on nine stacked matrices, and its memory as predicted beforehand."""
    path = setting.folder / "large.npz"
    nine = sp.vstack([synthetic(setting.size, seed) for seed in range(9)], "csr")
    n_entries = nine.nnz
    sp.save_npz(path, nine, compressed=False)
    del nine  # so that it does not take memory from the process that trains
    title = f"training on {n_entries / 1e6:.1f} M ratings, 16 epochs, f = 64"
    yield Case(title, setting.peers(("recsys",), "fit", matrix=path), "24 GB", once=True)
    path.unlink()
