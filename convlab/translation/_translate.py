"""Translate a call: parse it, find its rule, and format the result."""

from ._calls import NoEquivalent, bind, parsed
from ._numpy import RULES as _NUMPY
from ._opencv import RULES as _OPENCV
from ._pytorch import RULES as _PYTORCH
from ._rules import Rule
from ._scipy import RULES as _SCIPY
from ._skimage import RULES as _SKIMAGE

RULES: dict[str, Rule] = {rule.name: rule for rule in (*_OPENCV, *_SCIPY, *_SKIMAGE, *_PYTORCH, *_NUMPY)}


def _drop_in(library: str, function: str, arguments: str) -> str | None:
    """Return the same call of convlab.ndimage or convlab.signal, which have SciPy's arguments."""
    if library not in ("scipy.ndimage", "scipy.signal"):
        return None
    from convlab import ndimage, signal

    module = ndimage if library == "scipy.ndimage" else signal
    return f"convlab.{library[6:]}.{function}({arguments}" if function in module.SERVED else None


def translate(call: str) -> str:
    """Translate a call of SciPy, OpenCV, scikit-image, PyTorch or NumPy into a call of convlab.

    The call is parsed, not run. Arguments that determine its meaning, such as the border's name or a size, must be
    literals; arrays and other arguments may be any expression.

    Parameters
    ----------
    call : str
        One call of scipy.ndimage, scipy.signal, cv2, skimage.filters, torch.nn.functional or numpy, with the usual
        names of these modules (``ndi``, ``F``, ``np`` ...).

    Returns
    -------
    str
        The equivalent call, with a comment if the results differ; or a sentence with the reason why there is none.

    Raises
    ------
    TypeError, ValueError
        The argument is not the text of one call.

    Notes
    -----
    Borders differ in their names and defaults, so a translation always names the border. OpenCV's (x, y) becomes
    (row, column); its `ddepth` becomes `dtype`, which rounds half to even and saturates as OpenCV does. SciPy's
    `origin` becomes `anchor`, and kernels of its convolutions are flipped. A call that only the drop-ins
    `convlab.ndimage` and `convlab.signal` compute exactly is translated to them. docs/borders.md has the table of the
    borders' names.

    Examples
    --------
    >>> import convlab
    >>> print(convlab.translate("cv2.Sobel(picture, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REFLECT)"))
    convlab.sep_filter2d(picture, [1, 2, 1], [-1, 0, 1], border='symmetric')  # an image with channels: channel_axis=-1
    >>> print(convlab.translate("F.max_pool2d(x, 2, stride=1)"))
    convlab.max_pool2d(x, 2, stride=1)
    >>> print(convlab.translate("np.pad(x, 1, mode='linear_ramp')"))
    There is no equivalent: convlab has no border like mode='linear_ramp'.
    """
    try:
        library, function, node = parsed(call)
        if library is None:
            candidates = [name for name in RULES if name.rpartition(".")[2] == function]
            if len(candidates) != 1:
                found = f"it may be {' or '.join(candidates)}" if candidates else "no known function has this name"
                raise NoEquivalent(f"{function}: {found}; write the module's name too")
            library = candidates[0].rpartition(".")[0]
        rule = RULES.get(f"{library}.{function}")
        try:
            if rule is None:
                original = f"; convlab.{library[6:]} has SciPy's function" if library.startswith("scipy") else ""
                raise NoEquivalent(f"{library}.{function} is not one of the known functions{original}")
            return rule.translated(bind(rule.signature, node))
        except NoEquivalent:
            same = _drop_in(library, function, call.strip().partition("(")[2])
            if same is None:
                raise
            return same
    except NoEquivalent as reason:
        return f"There is no equivalent: {reason}."
