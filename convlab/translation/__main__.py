"""`python -m convlab.translation docs/borders.md` writes the page on borders; without a path, to the terminal."""

import argparse
import sys
from pathlib import Path

from convlab.translation.borders import table

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m convlab.translation", description="Write the page on borders.")
    parser.add_argument("path", nargs="?", type=Path, help="the file; default: standard output")
    path = parser.parse_args().path
    if path is None:
        sys.stdout.write(table())
    else:
        path.write_text(table(), encoding="utf-8")
