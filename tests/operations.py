"""Random calls of each public operation with the right answers, for fuzzing, guard pages, threads and hashes.

Most data are small integers, whose sums are exact in float32, so the test finds any wrong pixel. The others are floats,
which may differ by the promised bound, and NaN and infinity.
"""

import draw_filters as filters
import draw_tensors as tensors
import numpy as np

DRAWN = {
    "filter2d": filters.filter2d,
    "filter_bank": filters.filter_bank,
    "sep_filter2d": filters.sep_filter2d,
    "box": filters.box,
    "filter_masked": filters.filter_masked,
    "edges": filters.edges,
    "ranked": filters.ranked,
    "pooled": tensors.pooled,
    "adaptive": tensors.adaptive,
    "whole": tensors.whole,
    "unpooled": tensors.unpooled,
    "channels_last": tensors.channels_last,
    "convolved": tensors.convolved,
    "transposed": tensors.transposed,
}


def drawn(seed):
    """Draw the default operation of a seed."""
    return list(DRAWN)[seed % len(DRAWN)]


def draw(seed, name=None):
    """Return the case of a seed: its description, data and parameters."""
    return DRAWN[name or drawn(seed)](np.random.default_rng(seed))


def compare(result, case):
    """Raise AssertionError if a result is wrong."""
    answers = case.expected()
    if not isinstance(answers, list):
        answers, result = [answers], (result,)
    for y, (answer, bound) in zip(result, answers, strict=True):
        assert y.shape == answer.shape, (y.shape, answer.shape)
        y = y.astype(np.float64)
        with np.errstate(invalid="ignore"):
            good = (y == answer) | (np.isnan(y) & np.isnan(answer)) | (abs(y - answer) <= bound)
        assert good.all(), (int((~good).sum()), np.argwhere(~good)[:3].tolist(), y[~good][:3], answer[~good][:3])
