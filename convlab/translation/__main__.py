"""`python -m convlab.translation docs/borders.md` writes the page on borders; without a path, to the terminal."""

import sys
from pathlib import Path

from convlab.translation.borders import table

if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(table(), encoding="utf-8")
    else:
        sys.stdout.write(table())
