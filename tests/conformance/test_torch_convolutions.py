"""PyTorch's sample inputs and error inputs of its convolutions: the same results, and the same cases of errors."""

import numpy as np
import pytest

import convlab

torch = pytest.importorskip("torch")
op_db = pytest.importorskip("torch.testing._internal.common_methods_invocations").op_db

OPERATIONS = {
    operation.name.rpartition(".")[2]: operation
    for operation in op_db
    if operation.name.startswith("nn.functional.conv")
}
ORDER = ("weight", "bias", "stride", "padding", "dilation", "groups")
ORDER_OF_TRANSPOSES = ("weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
# Errors of PyTorch that convlab computes, by a part of the message, each with the reason.
SERVED_HERE = {
    "should be the same": "dtypes may differ here: all are converted to float32",
    "is not supported for strided convolutions": "padding='same' means ceil(size / stride) outputs for any stride",
}


def arguments(name, sample):
    order = ORDER_OF_TRANSPOSES if "transpose" in name else ORDER
    named = dict(zip(order, sample.args, strict=False)) | sample.kwargs
    return {key: as_ours(value) for key, value in ({"x": sample.input} | named).items()}


def as_ours(value):
    return value.detach().resolve_conj().numpy() if isinstance(value, torch.Tensor) else value


def as_double(value):
    return value.double() if isinstance(value, torch.Tensor) else value


def cases(kind):
    for name, operation in OPERATIONS.items():
        if kind == "sample":
            for number, sample in enumerate(operation.sample_inputs("cpu", torch.float32)):
                yield pytest.param(name, sample, id=f"{name}-{number}")
        elif operation.error_inputs_func is not None:
            for number, error in enumerate(operation.error_inputs("cpu")):
                yield pytest.param(name, error, id=f"{name}-{number}")


def test_all_samples_are_tested():
    assert set(OPERATIONS) == {f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(("name", "sample"), list(cases("sample")))
def test_samples(name, sample):
    function = getattr(torch.nn.functional, name)
    doubles = [as_double(value) for value in (sample.input, *sample.args)]
    expected = function(*doubles, **{key: as_double(value) for key, value in sample.kwargs.items()})
    ours = arguments(name, sample)
    backends = ["numpy"] if convlab.backend()["conv_gemm"]["backend"] == "numpy" else ["compiled", "numpy"]
    for backend in backends:
        with convlab.use_backend(backend):
            actual = getattr(convlab, name)(**ours)
        assert actual.shape == tuple(expected.shape)
        scale = float(expected.abs().max()) if expected.numel() else 1.0
        np.testing.assert_allclose(actual, expected.detach().numpy(), rtol=0, atol=1e-5 * max(scale, 1.0))


@pytest.mark.parametrize(("name", "error"), list(cases("error")))
def test_errors(name, error):
    with pytest.raises(error.error_type):
        getattr(torch.nn.functional, name)(
            error.sample_input.input, *error.sample_input.args, **error.sample_input.kwargs
        )
    call = arguments(name, error.sample_input)
    if any(part in error.error_regex for part in SERVED_HERE):
        if all(np.isrealobj(value) for value in call.values() if isinstance(value, np.ndarray)):
            assert getattr(convlab, name)(**call).dtype == np.float32
        return
    with pytest.raises((ValueError, TypeError), match=": got"):
        getattr(convlab, name)(**call)
