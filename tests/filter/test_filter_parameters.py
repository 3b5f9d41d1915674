"""The parameters of the catalogue: defaults, numbers of any kind, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convlab import filters

PARAMETERS = [
    pytest.param(name, parameter, id=f"{name}-{parameter.name}")
    for name in filters.names()
    for parameter in filters.info(name).parameters
]


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_defaults_are_what_get_uses(name: str, parameter: filters.Parameter) -> None:
    given = filters.get(name, **{parameter.name: parameter.default})
    np.testing.assert_array_equal(given, filters.get(name))
    assert parameter.meaning


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
@pytest.mark.parametrize("bad", [True, "wide", math.nan, math.inf, -math.inf, [1], 1j, b"north"])
def test_every_parameter_refuses_nonsense(name: str, parameter: filters.Parameter, bad: object) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        filters.get(name, **{parameter.name: bad})
    assert str(caught.value) == f"{parameter.name}: got {bad!r}; expected {parameter.expected}"


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_extreme_parameters_give_finite_taps(name: str, parameter: filters.Parameter) -> None:
    sized = {"size": 5} if any(p.name == "size" for p in filters.info(name).parameters) else {}
    for extreme in (getattr(parameter, "low", 1), min(getattr(parameter, "high", 1), 1e300)):
        if parameter.name == "direction":
            continue
        value = int(extreme) if parameter.name == "size" else extreme
        with np.errstate(all="raise", under="ignore"):
            taps = filters.get(name, **(sized | {parameter.name: value}))
        assert np.isfinite(taps).all()


@pytest.mark.parametrize("number", [2, 2.0, np.float32(2), np.int64(2), np.float16(2)])
def test_numbers_of_any_kind_are_numbers(number: object) -> None:
    np.testing.assert_array_equal(filters.get("gaussian", sigma=number), filters.get("gaussian", sigma=2))
    np.testing.assert_array_equal(filters.get("gabor", psi=number), filters.get("gabor", psi=2))


@pytest.mark.parametrize(
    ("name", "parameters", "error", "words"),
    [
        ("gaussian", {"sigma": 0}, ValueError, "sigma: got 0; expected a number from 0.001 to"),
        ("gaussian", {"sigma": -1}, ValueError, "sigma: got -1;"),
        ("gaussian", {"sigma": 10**400}, ValueError, r"sigma: got 10+\.\.\.;"),
        ("gaussian", {"sigma": "2"}, TypeError, "sigma: got '2';"),
        ("gaussian", {"sigma": None}, TypeError, "sigma: got None;"),
        ("gaussian", {"sigma": np.array([2.0])}, TypeError, "sigma: got array"),
        ("gaussian", {"size": 4}, ValueError, "size: got 4; expected an odd whole number from 1"),
        ("gaussian", {"size": 0}, ValueError, "size: got 0;"),
        ("gaussian", {"size": 5.0}, TypeError, r"size: got 5\.0;"),
        (
            "gaussian",
            {"sigma": 1e5},
            ValueError,
            "sigma: .* 800001 x 800001 taps; expected at most",
        ),
        ("gabor", {"gamma": 1e-3}, ValueError, "pass a smaller sigma or truncate, or a size"),
        ("box", {"size": 10**6}, ValueError, "size: got 1000000; expected .* 1 to 2047"),
        ("box", {"size": None}, TypeError, "size: got None;"),
        ("motion_blur", {"length": 0.5}, ValueError, "length: got 0.5;"),
        ("motion_blur", {"length": 1e9}, ValueError, "length: got 1000000000.0;"),
        ("unsharp", {"amount": -1}, ValueError, "amount: got -1;"),
        ("difference_of_gaussians", {"ratio": 1}, ValueError, "ratio: got 1;"),
        (
            "kirsch",
            {"direction": "up"},
            ValueError,
            "direction: got 'up'; expected one of: north, ",
        ),
        ("kirsch", {"direction": 0}, TypeError, "direction: got 0;"),
        ("gaussian", {"sgma": 1}, TypeError, r"sgma: no parameter .*\. Did you mean 'sigma'\?"),
        ("gaussian", {"angle": 1}, TypeError, "expected one of: sigma, size, truncate$"),
        ("edges", {"sigma": 1}, TypeError, "sigma: no parameter of filter 'edges'; expected none"),
    ],
)
def test_errors_name_the_parameter_and_its_values(
    name: str, parameters: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        filters.get(name, **parameters)


def test_an_unknown_name_lists_similar_names_and_all() -> None:
    near = "name: got 'gausian'; .* Did you mean 'gaussian'"
    with pytest.raises(ValueError, match=near) as caught:
        filters.get("gausian")
    assert all(name in str(caught.value) for name in filters.names())
    with pytest.raises(ValueError, match="Did you mean 'sobel_vertical' or 'sobel_horizontal'"):
        filters.info("sobel")
    with pytest.raises(ValueError, match=r"name: got 'qqq'; expected one of: edges.*gabor$"):
        filters.info("qqq")


@pytest.mark.parametrize("name", [None, 3, b"edges", ["edges"]])
def test_a_name_is_a_string(name: str) -> None:
    with pytest.raises(TypeError, match=r"name: got .*; expected a string"):
        filters.get(name)
