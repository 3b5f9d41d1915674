"""NumPy's padding and its convolutions of lines."""

from ._rules import Rule, given, no_padding, text

RULES = (
    Rule(
        "numpy.pad(array, pad_width, mode='constant', constant_values=0, end_values=0, stat_length=None, "
        "reflect_type='even')",
        "",
        (no_padding("numpy.pad", "mode"),),
        refused={"reflect_type": "convlab has no odd reflection"},
    ),
    Rule(
        "numpy.convolve(a, v, mode='full')",
        "convlab.signal.fftconvolve",
        (text("a"), text("v")),
        {"mode": given("mode")},
        note="the result is float; if v is longer than a, NumPy's mode='same' is as long as v",
    ),
    Rule(
        "numpy.correlate(a, v, mode='valid')",
        "convlab.signal.fftconvolve",
        (text("a"), lambda b: f"np.flip({b.text('v')})"),
        {"mode": lambda b: b.text("mode")},
        note="for real numbers; the result is float",
    ),
)
