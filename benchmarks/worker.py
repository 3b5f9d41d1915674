"""A peer's process: `python -m benchmarks.worker NAME THREADS`, which answers requests on its pipes."""

import sys

from benchmarks import peers
from benchmarks.contender import serve

if __name__ == "__main__":
    name, threads = sys.argv[1:]
    serve(lambda: peers.load(name)(int(threads)))
