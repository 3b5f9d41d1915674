"""The other libraries, one module each, imported at the first use."""

from importlib import import_module

from .base import Peer

_MODULES = {
    "OpenCV": ("opencv_peer", "OpenCV"),
    "NumPy": ("numpy_peer", "NumPy"),
    "SciPy": ("scipy_peer", "SciPy"),
    "scikit-image": ("skimage_peer", "ScikitImage"),
    "PyTorch": ("torch_peer", "PyTorch"),
    "ONNX Runtime": ("onnx_peer", "OnnxRuntime"),
    "OpenVINO": ("openvino_peer", "OpenVino"),
    "Numba": ("numba_peer", "Numba"),
    "Python": ("python_peer", "Python"),
}

NAMES: tuple[str, ...] = tuple(_MODULES)

# The fastest of these is the yardstick. A user's Numba loop and plain Python are only shown.
YARDSTICKS: tuple[str, ...] = ("OpenCV", "NumPy", "SciPy", "scikit-image", "PyTorch", "ONNX Runtime", "OpenVINO")


def load(name: str) -> type[Peer]:
    """Import a peer's library and return its class; raise ImportError if it is missing."""
    module, peer = _MODULES[name]
    made: type[Peer] = getattr(import_module(f"{__name__}.{module}"), peer)
    return made
