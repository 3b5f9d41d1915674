"""`python -m convlab.onnx MODEL.onnx`: what serves the nodes of a model."""

import sys

from convlab.cli import launch

if __name__ == "__main__":
    sys.exit(launch("convlab.onnx._command", "cli,onnx", needed={"onnx": "onnx"}))
