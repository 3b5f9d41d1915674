"""PyTorch's sample inputs and error inputs of its pools: `make conformance`.

Each sample gives PyTorch's result, and each error input raises an error, except those below.
"""

import warnings

import numpy as np
import pytest

import convlab

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="PyTorch's sample inputs need it")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

NAMES = [
    *(f"{kind}_pool{n}d" for kind in ("max", "avg", "adaptive_avg", "adaptive_max") for n in (1, 2, 3)),
    *(f"max_unpool{n}d" for n in (1, 2, 3)),
]
OPERATIONS = [
    pytest.param(op, id=f"{op.name.split('.')[-1]}{'-' + op.variant_test_name if op.variant_test_name else ''}")
    for op in op_db
    if op.name.split(".")[-1] in NAMES
]
pytestmark = pytest.mark.filterwarnings("ignore")

# Errors of PyTorch that convlab computes, by a part of the message, each with the reason.
SERVED_HERE = {
    "pad should be at most half": "padding may be up to the dilated window less one, as ONNX has it",
    "Input dimension should be at least": "axes that are missing are a batch and channels of one",
}


def arguments(sample):
    """Return a sample's arguments with arrays instead of tensors."""

    def array(value):
        return value.detach().numpy() if isinstance(value, torch.Tensor) else value

    args = [array(value) for value in (sample.input, *sample.args)]
    return args, {name: array(value) for name, value in sample.kwargs.items()}


def ours(op, sample):
    args, options = arguments(sample)
    return getattr(convlab, op.name.split(".")[-1])(*args, **options)


def assert_same(actual, expected):
    actual = actual if isinstance(actual, tuple) else (actual,)
    expected = expected if isinstance(expected, tuple) else (expected,)
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert a.shape == tuple(e.shape)
        np.testing.assert_allclose(a, e.detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("op", OPERATIONS)
def test_samples(op):
    agreed = 0
    for sample in op.sample_inputs("cpu", torch.float32):
        assert_same(ours(op, sample), op(sample.input, *sample.args, **sample.kwargs))
        agreed += 1
    assert agreed


@pytest.mark.parametrize("op", [op for op in OPERATIONS if op.values[0].error_inputs_func])
def test_pytorchs_errors(op):
    for wrong in op.error_inputs("cpu"):
        sample = wrong.sample_input
        try:
            op(sample.input, *sample.args, **sample.kwargs)
        except wrong.error_type as error:
            message = str(error)
        else:
            message = ""  # no error on this device
        try:
            ours(op, sample)
        except (TypeError, ValueError):
            continue
        assert not message or any(reason in message for reason in SERVED_HERE), f"{sample}: {message}"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_where_pytorch_is_wrong(n):
    """Lp pools: absolute values, and the norm of the elements in a partial window."""
    x = np.array([1.0, 1.0, 1.0], np.float32).reshape((1,) * n + (3,))
    window = (1,) * (n - 1) + (2,)
    pool, theirs = getattr(convlab, f"lp_pool{n}d"), getattr(torch.nn.functional, f"lp_pool{n}d")
    assert pool(x, 2, window, ceil_mode=True).ravel()[-1] == 1
    whole = x[..., :2]
    args = window if n > 1 else 2
    assert_same(pool(whole[None], 3, window), theirs(torch.from_numpy(whole)[None], 3.0, args))
