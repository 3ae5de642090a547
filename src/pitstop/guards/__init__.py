"""What a change must not do on the short path: pure rules, each with its reason.

Each rule is a function from a patch to its objections; the word before ``.py`` is the file it is in.
"""

from pitstop.guards.bundle import bundle
from pitstop.guards.objection import Objection
from pitstop.guards.paths import delivery_config, dependencies, migrations
from pitstop.guards.scope import scope
from pitstop.guards.unshippable import unshippable

__all__ = ["RULES", "Objection", "bundle", "scope", "unshippable"]

RULES = (unshippable, scope, bundle, migrations, dependencies, delivery_config)
"""Every rule that needs nothing but the patch and the team's settings, in the order they are told."""
