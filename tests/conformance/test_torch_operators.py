"""convlab.torch: PyTorch's sample inputs with their gradients, tracing, transforms, and models."""

import copy
import itertools
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
op_db = pytest.importorskip("torch.testing._internal.common_methods_invocations").op_db

import torch.nn.functional as F  # noqa: E402, N812 (its usual name)
from torch import nn  # noqa: E402

import convlab  # noqa: E402
import convlab.torch as ours  # noqa: E402

NAMES = [name for name in ours.__all__ if name[0].islower() and name not in ("accelerate", "report")]
SAMPLES = {
    operation.name.rpartition(".")[2]: operation
    for operation in op_db
    if operation.name.startswith("nn.functional.") and operation.name.rpartition(".")[2] in NAMES
}
# Their samples are of other tests: they are not in PyTorch's list.
WITHOUT = {"lp_pool1d", "lp_pool2d", "lp_pool3d"} - set(SAMPLES)


def cases():
    for name, operation in SAMPLES.items():
        for number, sample in enumerate(operation.sample_inputs("cpu", torch.float32, requires_grad=True)):
            yield pytest.param(name, sample, id=f"{name}-{number}")


def tensors(values):
    return [value for value in values if isinstance(value, torch.Tensor) and value.requires_grad]


def doubled(value):
    return value.detach().double().requires_grad_() if isinstance(value, torch.Tensor) else value


def first(y):
    return y[0] if isinstance(y, tuple) else y


def test_every_function_has_samples():
    assert set(SAMPLES) | WITHOUT == set(NAMES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "sample"), list(cases()))
def test_samples_and_gradients(name, sample):
    """Values and gradients within float32's rounding of PyTorch's in double; places as PyTorch's."""
    given = (sample.input, *sample.args)
    double = [doubled(value) for value in given]
    kwargs = {key: doubled(value) for key, value in sample.kwargs.items()}
    y = getattr(ours, name)(*given, **sample.kwargs)
    expected = getattr(F, name)(*double, **kwargs)
    if isinstance(expected, tuple):
        torch.testing.assert_close(y[1], expected[1])
    y, expected = first(y), first(expected)
    torch.testing.assert_close(y, expected.float(), rtol=1e-4, atol=1e-4)
    assert y.stride() == first(getattr(F, name)(*given, **sample.kwargs)).stride() or y.dim() == 5
    if not y.numel():
        return
    g = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    wanted = tensors([*given, *sample.kwargs.values()])
    actual = torch.autograd.grad(y, wanted, g)
    right = torch.autograd.grad(expected, tensors([*double, *kwargs.values()]), g.double())
    for a, b in zip(actual, right, strict=True):
        torch.testing.assert_close(a, b.float(), rtol=1e-4, atol=1e-3)


def repeated(*values):
    """The same options for one, two and three axes."""
    return [[[v] * axes if isinstance(v, int) and not isinstance(v, bool) else v for v in values] for axes in (1, 2, 3)]


OPERATORS = [
    *((f"conv{n + 1}d", (8, 2), options, 4) for n, options in enumerate(repeated(2, 1, 1))),
    *((f"conv_transpose{n + 1}d", (4, 3), options, 6) for n, options in enumerate(repeated(2, 1, 1))),
]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("name", "weight", "options", "_"), OPERATORS)
def test_operators_of_convolutions(name, weight, options, _, bias, last):
    axes = int(name[-2])
    if last and axes == 1:
        pytest.skip("PyTorch has no such layout of lines")
    memory = {True: {2: torch.channels_last, 3: torch.channels_last_3d}.get(axes), False: torch.contiguous_format}[last]
    torch.manual_seed(axes)
    x = torch.randn(2, 4, *(5,) * axes).to(memory_format=memory).requires_grad_()
    w = torch.randn(*weight, *(3,) * axes, requires_grad=True)
    outputs = weight[0] if "transpose" not in name else 2 * weight[1]
    b = torch.randn(outputs, requires_grad=True) if bias else None
    rest = (*options, 2) if "transpose" not in name else (*options, 2, [1] * axes)
    torch.library.opcheck(getattr(torch.ops.convlab, name), (x, w, b, *rest))
    of_weight, of_input = (getattr(torch.ops.convlab, f"{name}_{kind}") for kind in ("weight", "input"))
    g = torch.randn_like(getattr(torch.ops.convlab, name)(x, w, b, *rest)).requires_grad_()
    torch.library.opcheck(of_weight, (x, w.shape, g, *rest))
    torch.library.opcheck(of_input, (x.shape, w, g, *rest))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_operators_of_pools(axes, last):
    if last and axes == 1:
        pytest.skip("PyTorch has no such layout of lines")
    memory = {True: {2: torch.channels_last, 3: torch.channels_last_3d}.get(axes), False: torch.contiguous_format}[last]
    x = torch.randn(2, 4, *(7,) * axes, generator=torch.Generator().manual_seed(axes))
    x = x.to(memory_format=memory).requires_grad_()
    three, two, one = ([n] * axes for n in (3, 2, 1))
    ops = torch.ops.convlab
    divisor = (None,) if axes > 1 else ()
    for name, options in (
        (f"max_pool{axes}d_with_indices", (three, two, one, one, True)),
        (f"adaptive_max_pool{axes}d", (three,)),
        (f"avg_pool{axes}d", (three, two, one, True, False, *divisor)),
        (f"adaptive_avg_pool{axes}d", (three,)),
        (f"lp_pool{axes}d", (2.0, three, two, False)),
    ):
        torch.library.opcheck(getattr(ops, name), (x, *options))
    torch.library.opcheck(getattr(ops, f"max_pool{axes}d"), (x.detach(), three, two, one, one, True))


@pytest.mark.parametrize("axes", [1, 2])
def test_second_derivatives(axes):
    torch.manual_seed(0)
    x, w = torch.randn(2, 3, *(6,) * axes, requires_grad=True), torch.randn(4, 3, *(3,) * axes, requires_grad=True)

    def penalty(library):
        y = getattr(library, f"conv{axes}d")(x, w, None, 2, 1)
        y = getattr(library, f"avg_pool{axes}d")(getattr(library, f"max_pool{axes}d")(y.square(), 2), 1)
        (gradient,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        return torch.autograd.grad(gradient.square().sum(), (x, w))

    for a, b in zip(penalty(ours), penalty(F), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-2)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, groups=8, padding="same"),
        nn.Conv2d(8, 16, 1, bias=False), nn.AvgPool2d(3, 2, 1), nn.Conv2d(16, 16, 3, padding=1, padding_mode="reflect"),
        nn.ConvTranspose2d(16, 4, 2, 2), nn.LPPool2d(2, 2), nn.AdaptiveMaxPool2d(3), nn.AdaptiveAvgPool2d((None, 2)),
        nn.Flatten(), nn.Linear(24, 5),
    )  # fmt: skip


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("freeze", [False, True])
def test_a_model(freeze, last):
    """The same values and gradients, eager and compiled, and PyTorch's own after the block."""
    model, x = network(), torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    if last:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)

    def gradients():
        model.zero_grad()
        F.cross_entropy(model(x), torch.tensor([1, 4])).backward()
        return [parameter.grad.clone() for parameter in model.parameters()]

    with torch.no_grad():
        expected = model(x)
    right = gradients()
    with ours.accelerate(model, freeze=freeze) as handle:
        assert len(handle.modules) == 10
        with torch.no_grad():
            torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-5)
            assert convlab.last_kernel() is not None
        for a, b in zip(gradients(), right, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)
        compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(x), expected, rtol=1e-4, atol=1e-5)
        with pytest.raises(ValueError, match="accelerated already"):
            ours.accelerate(model)
    assert all("forward" not in module.__dict__ for module in model.modules())
    assert all((a == b).all() for a, b in zip(gradients(), right, strict=True))
    pickle.loads(pickle.dumps(copy.deepcopy(model)))


def test_changed_weights_are_seen():
    """In place, through the data, through NumPy's view, by an optimiser."""
    layer, x = nn.Conv2d(1, 1, 1, bias=False), torch.ones(1, 1, 2, 2)
    changes = [
        lambda: layer.weight.data.add_(1), lambda: layer.weight.detach().numpy().fill(7),
        lambda: setattr(layer, "weight", nn.Parameter(torch.full((1, 1, 1, 1), 3.0))),
        lambda: layer.load_state_dict({"weight": torch.full((1, 1, 1, 1), 5.0)}),
    ]  # fmt: skip
    with ours.accelerate(layer), torch.no_grad():
        for change in changes:
            layer(x)
            change()
            assert (layer(x) == layer.weight.item()).all()


def test_what_pytorch_computes():
    """Other dtypes, autocast, torch.func's gradients, subclasses and unusual arguments."""
    x, w = torch.randn(1, 2, 5, 5), torch.randn(3, 2, 3, 3)
    assert ours.conv2d(x.double(), w.double()).dtype is torch.float64
    assert ours.conv2d(x.bfloat16(), w.bfloat16()).dtype is torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        assert ours.conv2d(x, w).dtype is torch.bfloat16
    gradient = torch.func.grad(lambda x: ours.conv2d(x, w).square().sum())(x)
    torch.testing.assert_close(gradient, torch.func.grad(lambda x: F.conv2d(x, w).square().sum())(x))
    odd = ours.lp_pool2d(-x.abs(), 3, 2)
    torch.testing.assert_close(odd, F.lp_pool2d(-x.abs(), 3, 2), equal_nan=True)

    class Own(nn.Conv2d):
        pass

    model = nn.Sequential(Own(2, 3, 3), nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 3, 1)), nn.Conv2d(3, 3, 1))
    assert ours.accelerate(model).modules == ("2",)
    layers = ours.report(model, x).layers
    assert [(layer.kind, layer.kernel is None, layer.reason) for layer in layers[::2]] == [
        ("Own", True, "a subclass"), ("Conv2d", False, None),
    ]  # fmt: skip
    assert "PyTorch: a subclass" in str(ours.report(model, x))
    assert ours.report(nn.MaxPool2d(2).double(), x.double()).layers[0].reason == "it is float64"


def test_vmap():
    x, w = torch.randn(3, 2, 4, 6, 6), torch.randn(3, 5, 4, 3, 3)
    for batch in ((x, w), (x, w[0])):
        places = (0, 0 if batch[1] is w else None)
        actual, expected = (torch.func.vmap(library.conv2d, places)(*batch) for library in (ours, F))
        torch.testing.assert_close(actual, expected)
    for name in ("max_pool2d", "avg_pool2d"):
        actual, expected = (torch.func.vmap(lambda a: getattr(lib, name)(a, 2))(x) for lib in (ours, F))  # noqa: B023
        torch.testing.assert_close(actual, expected)


def test_threads_are_the_smaller_number():
    before = torch.get_num_threads(), convlab.get_num_threads()
    try:
        torch.set_num_threads(1)
        convlab.set_num_threads(2)
        y = ours.conv2d(torch.ones(1, 1, 9, 9), torch.ones(1, 1, 3, 3))
        assert (y == 9).all()
        assert convlab.get_num_threads() == 2
    finally:
        torch.set_num_threads(before[0])
        convlab.set_num_threads(before[1])


def test_a_result_is_no_view_of_what_may_change():
    x = torch.ones(1, 1, 4, 4)
    y = ours.max_pool2d(x, 1)
    x.zero_()
    assert (y == 1).all()


@pytest.mark.parametrize(
    ("padding", "groups", "bias"), list(itertools.product([0, (1, 2), "same"], [1, 2], [True, False]))
)
def test_layers_there_and_back(padding, groups, bias):
    module, x = nn.Conv2d(4, 6, 3, padding=padding, groups=groups, bias=bias), torch.randn(2, 4, 8, 8)
    layer = convlab.Conv2d.from_torch(module)
    back = layer.to_torch()
    with torch.no_grad():
        np.testing.assert_allclose(layer(x.numpy()), module(x).numpy(), atol=1e-5)
        assert (back(x) == module(x)).all()
    with pytest.raises(ValueError, match="padding_mode"):
        convlab.Conv2d.from_torch(nn.Conv2d(1, 1, 3, padding_mode="circular"))
    with pytest.raises(ValueError, match="activation"):
        convlab.Conv2d(np.ones((1, 1, 3, 3)), activation="relu").to_torch()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ours.accelerate(3), TypeError, "model: got int"),
        (lambda: ours.accelerate(nn.ReLU(), freeze=1), TypeError, "freeze"),
        (lambda: ours.report("model"), TypeError, "model: got str"),
        (lambda: convlab.conv2d(torch.ones(1, 1, 3, 3, requires_grad=True), np.ones((1, 1, 2, 2))), TypeError,
         "convlab.torch"),
        (lambda: convlab.max_pool2d(torch.ones(1, 1, 4, 4, requires_grad=True), 2), TypeError, "convlab.torch"),
    ],
)  # fmt: skip
def test_wrong_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()
