"""The lock that is held while parts of convlab are imported, when they are first needed.

No process is forked meanwhile. Python locks each module that is being imported, and in a child, which lacks the thread
that imports it, nobody would ever unlock it.
"""

import os
import threading
from typing import Any

lock = threading.RLock()  # a signal's handler may call, or fork, in the middle of an import
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def scipy_fft() -> Any:
    """Return SciPy's module of transforms, whose import takes longer than most calls."""
    with lock:
        from scipy import fft
    return fft
