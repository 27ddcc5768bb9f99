"""A gate at a step of a batch: whoever leads stops there until the test lets them through, so races happen in order."""

import threading
import time
from collections.abc import Callable


class Gate:
    """A hook for `WatchedStore`. While it is shut, the leader stands still at `step`; `reached` says that one does."""

    def __init__(self, step: str = "before commit") -> None:
        self.step = step
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()
        self.raises: BaseException | None = None
        """Raised once at the step instead, when set."""

    def __call__(self, step: str) -> None:
        if step != self.step:
            return
        self.reached.set()
        if not self.open.wait(timeout=20):
            raise RuntimeError("the test left its gate shut")
        error, self.raises = self.raises, None
        if error is not None:
            raise error

    def shut(self) -> None:
        """Stop the next leader at the step."""
        self.reached.clear()
        self.open.clear()


def wait_until(claim: Callable[[], bool], seconds: float = 10) -> None:
    """Return when the claim is true; fail if it does not become so."""
    until = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > until:
            raise AssertionError("it did not happen in time")
        time.sleep(0.001)
