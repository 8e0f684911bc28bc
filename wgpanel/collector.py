"""How seldom a process that serves pages looks for garbage in cycles."""

import gc

# Between looks at the young, the middle and all: a page of fifty rows makes 100,000 objects, and
# hardly a cycle.
THRESHOLDS = (10_000, 20, 20)


def calm() -> None:
    """What is loaded by now stays, and is walked through no more: one time that took longer than to
    make the page that had to wait for it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
