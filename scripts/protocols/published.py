"""Rows of published tables, each with its source."""

from __future__ import annotations

from protocols.record import Published


def _rows(
    source: str, columns: tuple[str, ...], **rows: tuple[float, ...]
) -> tuple[Published, ...]:
    # Rows of one table; "_" in a name stands for a blank.
    return tuple(
        Published(name.replace("_", " "), dict(zip(columns, values, strict=True)), source)
        for name, values in rows.items()
    )


SURPRISE_ML_100K = _rows(
    "README of Surprise 1.1", ("RMSE", "MAE"),
    **{
        "SVD": (0.934, 0.737), "SVD++": (0.919, 0.721), "NMF": (0.963, 0.758),
        "Slope One": (0.946, 0.743), "k-NN": (0.98, 0.774), "Centered k-NN": (0.951, 0.749),
        "k-NN Baseline": (0.931, 0.733), "Co-Clustering": (0.963, 0.753),
        "Baseline": (0.944, 0.748),
    },
)  # fmt: skip

SURPRISE_ML_1M = _rows(
    "README of Surprise 1.1", ("RMSE", "MAE"),
    **{
        "SVD": (0.873, 0.686), "SVD++": (0.862, 0.672), "NMF": (0.916, 0.723),
        "Slope One": (0.907, 0.715), "k-NN": (0.923, 0.727), "Centered k-NN": (0.929, 0.738),
        "k-NN Baseline": (0.895, 0.706), "Co-Clustering": (0.915, 0.717),
        "Baseline": (0.909, 0.719),
    },
)  # fmt: skip

# "Reported" in the README of examples/pytorch/gcmc of https://github.com/dmlc/dgl.
OFFICIAL_ML_100K = _rows(
    "van den Berg, Kipf, Welling 2017, arXiv 1706.02263, on u1 alone", ("RMSE",),
    **{"GC-MC": (0.910,), "GC-MC with user and item features": (0.905,)},
)  # fmt: skip

# The rows of Zheng et al. are those that GC-MC is compared with.
ML_1M_90_10 = (
    *_rows(
        "Zheng, Tang, Ding, Zhou 2016, arXiv 1605.09477, on other random 90:10 splits", ("RMSE",),
        **{
            "PMF": (0.883,), "BiasMF": (0.845,), "LLORMA": (0.833,), "I-AutoRec": (0.831,),
            "CF-NADE": (0.829,),
        },
    ),
    *_rows(
        "van den Berg, Kipf, Welling 2017, arXiv 1706.02263, on other random 90:10 splits",
        ("RMSE",),
        **{"GC-MC": (0.832,)},
    ),
)  # fmt: skip

CMFREC_ML_10M = _rows(
    "README of cmfrec's benchmark, 50 factors, 15 iterations", ("RMSE",),
    **{
        "cmfrec, ALS": (0.786923,), "cmfrec, ALS with implicit features": (0.782414,),
        "cmfrec, ALS by conjugate gradients": (0.788233,), "LibMF (recosystem)": (0.785478,),
        "rsparse": (0.786935,), "Spark": (0.791316,), "LensKit": (0.796129,),
        "cornac": (0.816548,),
    },
)  # fmt: skip

NCF_ML_1M = _rows(
    "Rendle, Krichene, Zhang, Anderson 2020, arXiv 2005.09683", ("HR@10", "NDCG@10"),
    **{
        "Popularity": (0.4535, 0.2543), "SLIM": (0.7162, 0.4468), "iALS": (0.7111, 0.4383),
        "NeuMF": (0.7093, 0.4349), "MF by gradient descent": (0.7294, 0.4523),
    },
)  # fmt: skip

_STRONG = ("Recall@20", "Recall@50", "NDCG@100")

# Mult-VAE, Mult-DAE and EASE are also in arXiv 2102.05774; WMF, SLIM and CDAE in "Variational
# Autoencoder with Label Smoothing for Collaborative Filtering" (2024).
IALS_ML_20M = (
    *_rows("Steck 2019, arXiv 1905.03375", _STRONG, EASE=(0.391, 0.521, 0.420)),
    *_rows(
        "Liang, Krishnan, Hoffman, Jebara 2018, arXiv 1802.05814", _STRONG,
        **{
            "Mult-VAE": (0.395, 0.537, 0.426), "Mult-DAE": (0.387, 0.524, 0.419),
            "CDAE": (0.391, 0.523, 0.418), "SLIM": (0.370, 0.495, 0.401),
            "WMF": (0.360, 0.498, 0.386),
        },
    ),
)  # fmt: skip

IALS_MSD = (
    *_rows(
        "Rendle, Krichene, Zhang, Koren 2022, doi 10.1145/3523227.3548486, 3.1.3, 8,192 factors",
        _STRONG,
        **{"iALS after 4 of 16 epochs": (0.305, 0.412, 0.363)},
    ),
    *_rows("Steck 2019, arXiv 1905.03375", _STRONG, EASE=(0.333, 0.428, 0.389)),
    *_rows(
        "Liang, Krishnan, Hoffman, Jebara 2018, arXiv 1802.05814", _STRONG,
        **{
            "Mult-VAE": (0.266, 0.364, 0.316), "Mult-DAE": (0.266, 0.363, 0.313),
            "CDAE": (0.188, 0.283, 0.237), "WMF": (0.211, 0.312, 0.257),
        },
    ),
)  # fmt: skip

_LIGHT = ("Recall@20", "NDCG@20")
_HE = "He, Deng, Wang, Li, Zhang, Wang 2020, arXiv 2002.02126"
_SHEN = "Shen, Wu, Zhang, Shan, Zhang, Letaief, Li 2021, arXiv 2108.07567"

# Also in docs/Matching/leaderboard of https://github.com/reczoo/BARS, which has its own runs of
# LightGCN; those of the paper are in the README of UltraGCN and in BARS' earlier results.md.
LIGHTGCN = {
    "gowalla": (
        *_rows(
            _HE, _LIGHT,
            **{
                "NGCF": (0.1570, 0.1327), "Mult-VAE": (0.1641, 0.1335),
                "LightGCN": (0.1830, 0.1554),
            },
        ),
        *_rows(_SHEN, _LIGHT, **{"GF-CF": (0.1849, 0.1518)}),
    ),
    "yelp2018": (
        *_rows(
            _HE, _LIGHT,
            **{
                "NGCF": (0.0579, 0.0477), "Mult-VAE": (0.0584, 0.0450),
                "LightGCN": (0.0649, 0.0530),
            },
        ),
        *_rows(_SHEN, _LIGHT, **{"GF-CF": (0.0697, 0.0571)}),
    ),
    "amazon-book": (
        *_rows(
            _HE, _LIGHT,
            **{
                "NGCF": (0.0344, 0.0263), "Mult-VAE": (0.0407, 0.0315),
                "LightGCN": (0.0411, 0.0315),
            },
        ),
        *_rows(_SHEN, _LIGHT, **{"GF-CF": (0.0710, 0.0584)}),
    ),
}  # fmt: skip
