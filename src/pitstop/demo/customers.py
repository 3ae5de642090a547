"""Customers of the sample shop: they come all the time, and some of them have no postcode."""

from __future__ import annotations

import http.client
import itertools
import json
import threading

ORDERS = (
    "10115",
    "SW1A 1AA",
    "SW1A 1AA",
    None,
    "SW1A 1AA",
    "80331",
    "EC1A 1BB",
    "10117",
    "W1 1AA",
    "10119",
)
THREADS = 4
THINK = 0.08  # seconds between two orders of one customer


class Customers:
    """Orders from several threads; counts what customers got."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._orders = itertools.cycle(ORDERS)
        self.requests = self.errors = self.lost = 0
        self._threads = [threading.Thread(target=self._shop, daemon=True) for _ in range(THREADS)]

    def start(self) -> None:
        """Let them in."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Close the door."""
        self._end.set()
        for thread in self._threads:
            if thread.ident:
                thread.join(10)

    def forget(self) -> None:
        """Count anew."""
        with self._lock:
            self.requests = self.errors = self.lost = 0

    def told(self) -> str:
        """Return what they got, in words."""
        with self._lock:
            return (
                f"{self.requests} orders, {self.errors} answered with an error, "
                f"{self.lost} without any answer"
            )

    def _shop(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        while not self._end.wait(THINK):
            with self._lock:
                postcode = next(self._orders)
            order = {"prices": [20]} | ({"postcode": postcode} if postcode else {})
            try:
                connection.request("POST", "/checkout", json.dumps(order))
                answer = connection.getresponse()
                answer.read()
                failed, lost = answer.status >= 500, False
            except (OSError, http.client.HTTPException):
                connection.close()
                failed, lost = False, True
            with self._lock:
                self.requests += 1
                self.errors += failed
                self.lost += lost
        connection.close()
