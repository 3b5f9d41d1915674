"""Mistakes that type checkers find: each line ends with mypy's code and basedpyright's rule."""

import numpy as np
from numpy.typing import NDArray

import convlab
from convlab import data, ndimage, signal
from convlab.typing import Border

picture = data.ascent()
taps = convlab.filters.get("edges")
tensor = np.ones((1, 2, 8, 8), np.float32)
weight = np.ones((4, 2, 3, 3), np.float32)
word = str(picture)

# Unknown words.
convlab.filter2d(picture, taps, border="reflect")  # E: call-overload, reportCallIssue
convlab.filter2d(picture, taps, border=word)  # E: call-overload, reportCallIssue
convlab.filter2d(picture, taps, algorithm="winograd4")  # E: call-overload, reportCallIssue
convlab.filter2d(picture, taps, precision="double")  # E: call-overload, reportCallIssue
convlab.filter2d(picture, taps, nan="ignore")  # E: call-overload, reportCallIssue
convlab.sobel(picture, border="edge")  # E: call-overload, reportCallIssue
convlab.conv2d(tensor, weight, layout="NWHC")  # E: arg-type, reportArgumentType
convlab.conv1d(tensor[0], weight[0], layout="NCHW")  # E: arg-type, reportArgumentType
convlab.conv2d(tensor, weight, padding="full")  # E: arg-type, reportArgumentType
convlab.conv2d(tensor, weight, padding_mode="reflect")  # E: arg-type, reportArgumentType
convlab.conv2d(tensor, weight, activation="gelu")  # E: arg-type, reportArgumentType
convlab.conv2d(tensor, weight, algorithm="direct")  # E: arg-type, reportArgumentType
convlab.Conv2d(weight, precision="half")  # E: arg-type, reportArgumentType
convlab.avg_pool2d(picture, 2, layout="HWC")  # E: arg-type, reportArgumentType
convlab.max_pool1d(picture, 2, layout="NCW")  # E: call-overload, reportCallIssue
convlab.avg_pool2d(picture, 2, padding="full")  # E: arg-type, reportArgumentType
convlab.use_backend("cuda")  # E: arg-type, reportArgumentType
convlab.use_backend("compiled", "avx")  # E: arg-type, reportArgumentType
convlab.set_subnormals("zero")  # E: arg-type, reportArgumentType
ndimage.sobel(picture, mode="symmetric")  # E: arg-type, reportArgumentType
signal.convolve2d(picture, taps, boundary="mirror")  # E: arg-type, reportArgumentType
border: Border = "circular"  # E: assignment, reportAssignmentType

# Other arguments.
convlab.gaussian(picture, sigma="1.5")  # E: arg-type, reportCallIssue
convlab.avg_pool2d(picture, 2.5)  # E: arg-type, reportArgumentType
convlab.avg_pool2d(picture, kernel=2)  # E: call-arg, reportCallIssue
convlab.conv2d(tensor)  # E: call-arg, reportCallIssue
convlab.filter_2d(picture, taps)  # E: attr-defined, reportAttributeAccessIssue

# Results.
one: NDArray[np.uint8] = convlab.filter2d(picture, taps)  # E: assignment, reportAssignmentType
two: NDArray[np.uint8] = convlab.max_pool2d(picture, 2, return_indices=True)  # E: assignment, reportAssignmentType
shape = convlab.max_pool2d(picture, 2, return_indices=True).shape  # E: attr-defined, reportAttributeAccessIssue
pixels = convlab.avg_pool2d(picture, 2).pixels  # E: attr-defined, reportAttributeAccessIssue
