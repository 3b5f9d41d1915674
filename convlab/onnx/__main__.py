"""`python -m convlab.onnx MODEL.onnx`: run a model and report what ran each node."""

import sys

from convlab.cli import launch

if __name__ == "__main__":
    sys.exit(launch("convlab.onnx._command", "cli,onnx", needed={"onnx": "onnx"}))
