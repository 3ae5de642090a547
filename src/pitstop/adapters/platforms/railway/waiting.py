"""Waiting for the network without being deaf: an abort is heard meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from pitstop.ports import Clock

TICK = 0.05
T = TypeVar("T")


def ticking(call: Callable[[], T], clock: Clock) -> T:
    """Do something in a thread of its own, and tick the run until it is done.

    What a tick raises ends the wait; what was sent by then is on its way all the same.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    while not wait([future], timeout=TICK).done:
        clock.pause(0.001)  # the wait is above; this only hears
    return future.result()
