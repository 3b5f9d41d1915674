"""From a call in words to its rule, and to words again."""

from ._calls import NoEquivalent, bind, parsed
from ._numpy import RULES as _NUMPY
from ._opencv import RULES as _OPENCV
from ._pytorch import RULES as _PYTORCH
from ._rules import Rule
from ._scipy import RULES as _SCIPY
from ._skimage import RULES as _SKIMAGE

RULES: dict[str, Rule] = {rule.name: rule for rule in (*_OPENCV, *_SCIPY, *_SKIMAGE, *_PYTORCH, *_NUMPY)}


def _drop_in(library: str, function: str, arguments: str) -> str | None:
    """The same call of convlab.ndimage or convlab.signal, whose arguments are SciPy's."""
    if library not in ("scipy.ndimage", "scipy.signal"):
        return None
    from convlab import ndimage, signal

    module = ndimage if library == "scipy.ndimage" else signal
    return f"convlab.{library[6:]}.{function}({arguments}" if function in module.SERVED else None


def translate(call: str) -> str:
    """Say a call of SciPy, OpenCV, scikit-image, PyTorch or NumPy in convlab's words.

    The call is read, not run. What its meaning depends on, such as the border's name or a size, must be written out;
    arrays and the like may be any expression.

    Parameters
    ----------
    call : str
        One call of scipy.ndimage or scipy.signal, cv2, skimage.filters, torch.nn.functional or numpy, by the names
        that these modules usually have (``ndi``, ``F``, ``np`` ...).

    Returns
    -------
    str
        The equivalent call, with a comment where they differ; or a sentence that says why there is none.

    Raises
    ------
    TypeError, ValueError
        Something that is not one call in words.

    Notes
    -----
    Borders differ in their names and in their defaults, so a translation always says which. OpenCV's (x, y) become
    (row, column); its `ddepth` becomes `dtype`, which rounds half to even and saturates as OpenCV does. SciPy's
    `origin` becomes `anchor`, its convolutions are given flipped kernels, and what only the drop-ins
    `convlab.ndimage` and `convlab.signal` do to the letter is left to them. The table of the borders' names is in
    docs/borders.md.

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
                found = (
                    f"it may be {' or '.join(candidates)}" if candidates else "no function of that name is known here"
                )
                raise NoEquivalent(f"{function}: {found}; write the module's name too")
            library = candidates[0].rpartition(".")[0]
        rule = RULES.get(f"{library}.{function}")
        try:
            if rule is None:
                passed_on = f"; convlab.{library[6:]} has SciPy's own" if library.startswith("scipy") else ""
                raise NoEquivalent(f"{library}.{function} is not among the functions that are known here{passed_on}")
            return rule.translated(bind(rule.signature, node))
        except NoEquivalent:
            same = _drop_in(library, function, call.strip().partition("(")[2])
            if same is None:
                raise
            return same
    except NoEquivalent as reason:
        return f"There is no equivalent: {reason}."
