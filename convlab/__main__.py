"""``python -m convlab``: the command line."""

import sys

from convlab.cli import main

sys.exit(main())
