"""A catalogue of classic image filters: their taps, their sources and their effects.

The taps are for correlation, without a flip, as `convlab.filter2d` computes it.

>>> from convlab import filters
>>> filters.get("vertical_lines")
array([[-1.,  0.,  1.],
       [-2.,  0.,  2.],
       [-1.,  0.,  1.]], dtype=float32)
>>> filters.get("kirsch", direction="east")
array([[-3., -3.,  5.],
       [-3.,  0.,  5.],
       [-3., -3.,  5.]], dtype=float32)
>>> filters.info("vertical_lines").description
'vertical lines and edges: brightness changing from left to right'
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ._catalogue import CATALOGUE
from ._entry import Filter, Parameter, shown

__all__ = ["Filter", "Parameter", "get", "info", "names"]


def names() -> tuple[str, ...]:
    """Return the names of all filters, the lesson's three first.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> from convlab import filters
    >>> filters.names()[:3]
    ('edges', 'vertical_lines', 'horizontal_lines')
    """
    return tuple(CATALOGUE)


def info(name: str, /) -> Filter:
    """Return the catalogue's entry of a filter.

    Parameters
    ----------
    name : str
        One of `names()`.

    Returns
    -------
    Filter
        Its description, formula, source, scale, taps and parameters.

    Raises
    ------
    TypeError
        If the name is not a string.
    ValueError
        If no filter has that name; the message suggests similar names.

    Examples
    --------
    >>> from convlab import filters
    >>> filters.info("prewitt_vertical").formula
    '[1 1 1] down the rows, [-1 0 1] along the columns'
    >>> [parameter.name for parameter in filters.info("gaussian").parameters]
    ['sigma', 'size', 'truncate']
    """
    if not isinstance(name, str):
        raise TypeError(f"name: got {shown(name)}; expected a string, one of filters.names()")
    if name not in CATALOGUE:
        raise ValueError(f"name: got {shown(name)}; expected {_choices(name, names())}")
    return CATALOGUE[name]


def get(name: str, /, **parameters: object) -> npt.NDArray[np.float32]:
    """Return the taps of a filter.

    Smoothing filters sum to 1 and difference filters to 0. The taps of difference filters are the
    whole numbers of their sources: `info(name).scale` is the factor for unit gain, which `get` does
    not apply. A formula is computed in float64 and rounded once.

    Parameters
    ----------
    name : str
        One of `names()`.
    **parameters
        The parameters of that filter, each with a default: see `info(name).parameters`.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        A new, C-contiguous, writeable array at each call.

    Raises
    ------
    TypeError
        If the name is not a string, the filter does not have a given parameter, or a value is of
        the wrong kind (a bool is not a number).
    ValueError
        If no filter has that name, or a value is out of range: NaN, a standard deviation that is
        not positive, an even size for a filter with a middle tap, more taps than 2047 x 2047.

    Notes
    -----
    `info(name).source` names the publication of a filter.

    Examples
    --------
    >>> from convlab import filters
    >>> filters.get("gaussian", sigma=2).shape
    (17, 17)
    >>> filters.get("box", size=2)
    array([[0.25, 0.25],
           [0.25, 0.25]], dtype=float32)
    >>> filters.get("gausian")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: name: got 'gausian'; expected one of: ... Did you mean 'gaussian'?
    """
    entry = info(name)
    accepted = [parameter.name for parameter in entry.parameters]
    for given in parameters:
        if given not in accepted:
            raise TypeError(f"{given}: no parameter of filter {name!r}; expected {_choices(given, accepted)}")
    values = {
        parameter.name: parameter.check(parameters.get(parameter.name, parameter.default))
        for parameter in entry.parameters
    }
    taps = entry.taps(**values) if callable(entry.taps) else entry.taps
    return np.array(taps, dtype=np.float32, order="C")


def _choices(word: str, choices: Sequence[str]) -> str:
    """Return the end of an error: all choices, and those that were probably meant."""
    near = difflib.get_close_matches(word, choices) or [name for name in choices if word in name]
    guess = f". Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"one of: {', '.join(choices)}{guess}" if choices else "none"
