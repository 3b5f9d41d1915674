"""A peer's process: `python -m benchmarks.worker NAME THREADS`, spoken to over its pipes."""

import sys

from benchmarks import peers
from convlab.bench.worker import serve

if __name__ == "__main__":
    name, threads = sys.argv[1:]
    serve(lambda: peers.load(name)(int(threads)))
