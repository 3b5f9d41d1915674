"""convlab.translate: its text, and that translated calls of SciPy and NumPy compute the same."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from translation_cases import NUMPY, OPENCV, PYTORCH, SCIPY, SKIMAGE, arrays, assert_equivalent

import convlab
from convlab import _borders
from convlab.translation import RULES, borders

PAGE = Path(__file__).resolve().parents[2] / "docs" / "borders.md"


@pytest.mark.parametrize("call", SCIPY)
def test_scipys_calls(call):
    names = {**arrays(), "scipy": scipy, "ndi": scipy.ndimage, "ndimage": scipy.ndimage, "signal": scipy.signal}
    assert_equivalent(call, names)


@pytest.mark.parametrize("call", NUMPY)
def test_numpys_calls(call):
    assert_equivalent(call, arrays())


@pytest.mark.parametrize("call", [*OPENCV, *SKIMAGE, *PYTORCH])
def test_the_others_have_an_equivalent(call):
    """tests/conformance compares the numbers with the installed libraries."""
    translated = convlab.translate(call)
    assert translated.startswith("convlab."), translated
    compile(translated, "translation", "eval")


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_a_case(name):
    module, _, function = name.rpartition(".")
    if function == "pad":
        return  # it has no equivalent
    cases = {"cv2": OPENCV, "skimage.filters": SKIMAGE, "torch.nn.functional": PYTORCH, "numpy": NUMPY}.get(
        module, SCIPY
    )
    assert any(f".{function}(" in case for case in cases)


@pytest.mark.parametrize(
    ("call", "translated"),
    [
        (
            "cv2.filter2D(img, -1, k, borderType=cv2.BORDER_REFLECT)",
            "convlab.filter2d(img, k, border='symmetric', dtype=img.dtype)",
        ),
        ("cv2.medianBlur(a + b, ksize=5)", "convlab.median_filter(a + b, 5, border='nearest')"),
        ("cv2.filter2D(img, 5, k, anchor=(2, 0))", "convlab.filter2d(img, k, border='mirror', anchor=(0, 2))"),
        ("GaussianBlur(i, (3, 3), 0)", "convlab.sep_filter2d(i, [0.25, 0.5, 0.25], [0.25, 0.5, 0.25], border='mirror', "
         "dtype=i.dtype)"),
        ("ndi.convolve(x, k, axes=(0, 1))", "convlab.ndimage.convolve(x, k, axes=(0, 1))"),
        ("signal.convolve2d(x, k, 'same', 'symm')", "convlab.filter2d(x, np.flip(k), border='symmetric')"),
        ("F.max_pool2d(x, 2, stride=None)", "convlab.max_pool2d(x, 2)"),
        ("skimage.filters.sobel(x, axis=0)", "convlab.sobel(x, axis=0, border='symmetric')"),
    ],
)  # fmt: skip
def test_translations(call, translated):
    assert convlab.translate(call).split("  #")[0] == translated


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("cv2.filter2D(x, -1, k, borderType=border)", "borderType: write its value instead of `border`"),
        ("cv2.filter2D(x, -1, k, borderType=cv2.BORDER_WRAP)", "OpenCV itself refuses BORDER_WRAP"),
        ("cv2.blur(x, (3, 3), borderType=cv2.BORDER_ISOLATED)", "no border like borderType=cv2.BORDER_ISOLATED"),
        ("cv2.Sobel(x, cv2.CV_64F, 1, 0)", "float32"),
        ("cv2.Sobel(x, -1, 1, 0, ksize=9)", "no Sobel kernel of ksize=9"),
        ("cv2.Scharr(x, -1, 1, 1)", "first order"),
        ("cv2.GaussianBlur(x, (0, 0), 2)", "give ksize"),
        ("cv2.Laplacian(x, -1, ksize=31)", "not supported"),
        ("cv2.dilate(x, element)", "must be a rectangle"),
        ("cv2.dilate(x, None, borderValue=3)", "borderValue"),
        ("cv2.filter2D(x, -1, k, anchor=0)", "not a pair"),
        ("cv2.filter2D(x, k)", "the argument kernel is missing"),
        ("cv2.filter2D(x, -1, k, colour=3)", "colour which it does not know"),
        ("cv2.filter2D(*arguments)", "write them out"),
        ("cv2.medianBlur(x, 3, None, 4)", "takes 3 positional arguments"),
        ("cv2.bilateralFilter(x, 5, 1, 1)", "not one of the known functions"),
        ("sobel(x)", "scipy.ndimage.sobel or skimage.filters.sobel"),
        ("make_tea(x)", "no known function"),
        ("PIL.open(x)", "not one of the known modules"),
        ("ndi.label(x)", "convlab.ndimage has SciPy's function"),
        ("filters.sobel(x, mask)", "no mask"),
        ("filters.laplace(x, ksize=5)", "ksize=3"),
        ("filters.median(x, disk(3))", "must be a rectangle"),
        ("filters.median(x, behavior='rank')", "8 and 16-bit"),
        ("np.pad(x, 2, mode='reflect')", "border='mirror'"),
        ("np.pad(x, 2, mode='reflect', reflect_type='odd')", "odd reflection"),
        ("np.pad(x, 2, mode='median')", "no border like"),
        ("F.pad(x, (1, 1), mode='replicate')", "border='nearest'"),
    ],
)
def test_reasons_without_equivalent(call, reason):
    sentence = convlab.translate(call)
    assert sentence.startswith("There is no equivalent: ")
    assert sentence.endswith(".")
    assert reason in sentence


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (3, TypeError, "call: got int; expected one call as text"),
        ("cv2.blur", ValueError, "call: got 'cv2.blur'; expected one call"),
        ("y = cv2.blur(x)", ValueError, "not valid Python"),
        ("(lambda: 1)()", ValueError, "expected one call"),
        ("", ValueError, "not valid Python"),
        ("(" * 5000, ValueError, "not valid Python"),
    ],
)
def test_text_that_is_not_a_call(call, error, message):
    with pytest.raises(error, match=message):
        convlab.translate(call)


def test_calls_are_not_run():
    assert "write its value" in convlab.translate("cv2.blur(x, exit())")
    assert convlab.translate("cv2.medianBlur(exit(), 3)").startswith("convlab.median_filter(exit(), 3")


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_scipys_and_numpys_signatures(rule):
    """Only these libraries are always installed."""
    module, _, name = rule.name.rpartition(".")
    if module not in ("scipy.ndimage", "scipy.signal"):
        return
    from convlab.translation._calls import parameters

    _, positional, keyword, defaults = parameters(rule.signature)
    theirs = inspect.signature(getattr(getattr(scipy, module[6:]), name)).parameters
    assert [*positional, *keyword] == list(theirs)
    assert {n for n, p in theirs.items() if p.default is not p.empty} == set(defaults)


@pytest.mark.parametrize("mode", [m for m, ours in borders.NAMES["numpy.pad"].items() if ours])
def test_numpys_borders(mode):
    x = np.arange(1, 6)
    indices = _borders.source_indices(borders.ours("numpy.pad", mode), 5, -7, 12)
    np.testing.assert_array_equal(np.append(x, 0)[indices], np.pad(x, 7, mode=mode))


def test_the_page_on_borders_matches_the_table():
    assert {name: diagram.strip().split("    ")[0] for name, diagram in _borders.DIAGRAMS.items()} == borders.PICTURES
    for words in borders.NAMES.values():
        assert {word for word in words.values() if word} <= set(_borders.DIAGRAMS)
    if not PAGE.is_file():
        pytest.skip("the documents are not beside these tests")
    assert PAGE.read_text(encoding="utf-8") == borders.table(), "python -m convlab.translation docs/borders.md"
