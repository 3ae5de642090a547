"""What a colleague said in a clone of their own about the tree that waits for approval."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteAnswer:
    """One person's answer; it counts for this tree and for no other."""

    decision: str  # approve or reject
    tree: str
    by: str  # "Grace <grace@example.com>", as git in their clone calls them: not proven
    at: str
    reason: str = ""
    claimed: bool = False  # the name was typed with --as
