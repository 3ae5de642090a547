"""A double of Railway: its GraphQL API, its upload endpoint, its sockets, and users' way in."""

from pitstop.testing.railway.apps import Answer, App, Served, in_process, started
from pitstop.testing.railway.double import Railway
from pitstop.testing.railway.faults import Faults
from pitstop.testing.railway.world import Deployment, World

__all__ = [
    "Answer",
    "App",
    "Deployment",
    "Faults",
    "Railway",
    "Served",
    "World",
    "in_process",
    "started",
]
