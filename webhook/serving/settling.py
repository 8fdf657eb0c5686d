"""What a worker has once it is ready stays: garbage collections need not go through it.

A full one holds the interpreter, and who asks meanwhile waits: 20 to 70 ms for the modules alone,
some 300 with the objects of a large cluster.
"""

import gc
import threading
import time
from collections.abc import Callable
from typing import Final

# No probe sends anybody here sooner.
_LOOK_SECONDS: Final = 0.05

# While objects are listed nothing is garbage; a worker that is not ready after that may have some.
_LISTING_SECONDS: Final = 60.0


def settle(is_ready: Callable[[], bool]) -> threading.Thread:
    """Begin to wait until this process is ready, and leave alone what is there by then.

    Without collections until then: they took a quarter of a start with 40,000 objects. Frozen
    objects go when nothing refers to them, but for cycles: where the configuration is read anew
    the first rules stay, once.
    """
    thread = threading.Thread(target=_settle, args=(is_ready,), name="settling", daemon=True)
    gc.disable()
    thread.start()
    return thread


def _settle(is_ready: Callable[[], bool]) -> None:
    until = time.monotonic() + _LISTING_SECONDS
    try:
        while not is_ready():
            if time.monotonic() >= until:
                gc.enable()
            time.sleep(_LOOK_SECONDS)
        # Before they are on again: one that another thread had begun would leave this one out.
        gc.collect()
        gc.freeze()
    finally:
        gc.enable()
