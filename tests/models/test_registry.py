import itertools

import pytest

from recsys.models.registry import SPECS, make_spec


def test_text_becomes_the_type_of_the_hyperparameter():
    spec = make_spec(
        "implicit-als", {"n_factors": "128", "regularization": "1e-2", "alpha": "none"}
    )
    assert (spec.n_factors, spec.regularization, spec.alpha) == (128, 0.01, None)
    assert isinstance(spec.n_factors, int)
    assert make_spec("implicit-als", {"alpha": 40}).alpha == 40.0


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("implict-als", {}, "did you mean 'implicit-als'"),
        ("implicit-als", {"factors": 3}, "did you mean 'n_factors'"),
        ("popularity", {"n_factors": 3}, "has none"),
        ("implicit-als", {"n_factors": "many"}, "n_factors must be a whole number, not 'many'"),
        ("implicit-als", {"n_factors": "0"}, "n_factors must be a whole number of at least 1"),
        ("bpr", {"learning_rate": "fast"}, "learning_rate must be a number"),
    ],
)
def test_bad_settings_are_named(model, settings, message):
    with pytest.raises(ValueError, match=message):
        make_spec(model, settings)


def test_every_hyperparameter_has_a_docstring_of_its_own():
    import ast
    import inspect
    import textwrap

    for spec in SPECS.values():
        body = ast.parse(textwrap.dedent(inspect.getsource(spec))).body[0].body
        for statement, following in itertools.pairwise(body):
            if isinstance(statement, ast.AnnAssign) and "ClassVar" not in ast.dump(statement):
                documented = isinstance(following, ast.Expr)
                assert documented, f"{spec.name}: {statement.target.id} is not explained"


def test_numpy_scalars_and_whole_floats_become_plain_numbers():
    import json

    import numpy as np

    spec = make_spec(
        "implicit-als", {"n_factors": np.int64(8), "regularization": np.float32(0.5), "seed": 3.0}
    )
    assert json.loads(json.dumps(spec.to_dict()))["n_factors"] == 8
    assert (spec.regularization, spec.seed) == (0.5, 3)
    assert isinstance(spec.seed, int)
    with pytest.raises(ValueError, match="regularization must be"):
        make_spec("implicit-als", {"regularization": 10**400})
