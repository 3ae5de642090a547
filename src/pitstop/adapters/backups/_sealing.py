"""Backups that only their recipient can read: age in this process, or gpg by its program."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from pitstop.adapters._run import Runner
from pitstop.adapters.backups._pipes import CHUNK
from pitstop.ports import CannotTell, Refused

Sink = Callable[[bytes], object]


class Sealing(Protocol):
    """Encryption to one recipient. Streams are file descriptors and sinks."""

    recipient: str

    def seal(self, source: int, sink: Sink) -> None:
        """Encrypt all that comes."""

    def open(self, source: int, sink: Sink) -> None:
        """Decrypt all that comes. Raises Refused when it cannot be opened."""

    def closed(self) -> str:
        """Return why sealed backups cannot be opened here; empty when they can."""

    def trouble(self) -> str:
        """Return why nothing can be sealed here; empty when it can."""


def sealing(recipient: str, identity: str | None, within: float) -> Sealing:
    """Return how to seal to ``age1...`` or ``gpg:KEY``; ``identity``: name of a variable."""
    kind, _, key = recipient.partition(":")
    return Gpg(recipient, key, within) if kind == "gpg" and key else Age(recipient, identity)


def known_recipient(recipient: str) -> str:
    """Return a recipient that is one. Raises ValueError."""
    if recipient.startswith("gpg:") and recipient[4:].strip():
        return recipient
    if recipient.startswith("age1"):
        import pyrage

        try:
            pyrage.x25519.Recipient.from_str(recipient)
        except pyrage.RecipientError as error:
            raise ValueError(f"it is not a whole age recipient ({error})") from None
        return recipient
    raise ValueError('write an age recipient ("age1...") or a gpg key ("gpg:KEY")')


class Age:
    """age, in this process."""

    def __init__(self, recipient: str, identity: str | None) -> None:
        self.recipient, self._variable = recipient, identity

    def seal(self, source: int, sink: Sink) -> None:
        """Encrypt all that comes."""
        import pyrage

        target = _Target(sink)
        with os.fdopen(os.dup(source), "rb", buffering=CHUNK) as plain:
            try:
                pyrage.encrypt_io(plain, target, [pyrage.x25519.Recipient.from_str(self.recipient)])
            except pyrage.EncryptError as error:
                raise (target.trouble or Refused(f"age could not encrypt: {error}.")) from error

    def open(self, source: int, sink: Sink) -> None:
        """Decrypt all that comes. Raises Refused when it cannot be opened."""
        import pyrage

        target = _Target(sink)
        with os.fdopen(os.dup(source), "rb", buffering=CHUNK) as sealed:
            try:
                pyrage.decrypt_io(sealed, target, self._identities())
            except pyrage.DecryptError as error:
                said = f"It cannot be decrypted with the identity in {self._variable}: {error}."
                raise (target.trouble or Refused(said)) from error

    def closed(self) -> str:
        """Return why sealed backups cannot be opened here; empty when they can."""
        try:
            self._identities()
        except CannotTell as why:
            return str(why)
        return ""

    def trouble(self) -> str:
        """Return that nothing is needed: the recipient was checked with the configuration."""
        return ""

    def _identities(self) -> list[Any]:
        """Return the identities that the named variable holds, or the file that it names."""
        import pyrage

        if not self._variable:
            raise CannotTell("no identity is configured (backup.identity)")
        given = os.environ.get(self._variable, "")
        if not given:
            raise CannotTell(f"{self._variable}, which names the identity, is not set")
        try:
            held = given if given.startswith("AGE-SECRET-KEY-") else Path(given).read_text()
            rows = [row.strip() for row in held.splitlines()]
            found = [
                pyrage.x25519.Identity.from_str(row) for row in rows if row[:1] not in ("", "#")
            ]
        except (OSError, UnicodeDecodeError, pyrage.IdentityError):
            found = []
        if not found:
            raise CannotTell(f"{self._variable} names no readable age identity")
        return found


class _Target:
    """A sink as age writes to it; age itself would forget what went wrong there."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.trouble: OSError | None = None

    def write(self, data: bytes) -> int:
        """Pass bytes on."""
        try:
            self._sink(data)
        except OSError as trouble:
            self.trouble = trouble
            raise
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


class Gpg:
    """gpg, by its program and with its own keyring."""

    def __init__(self, recipient: str, key: str, within: float) -> None:
        self.recipient, self._key, self._within = recipient, key, within

    def seal(self, source: int, sink: Sink) -> None:
        """Encrypt all that comes."""
        words = ["--trust-model", "always", "--recipient", self._key, "--encrypt"]
        self._stream(words, source, sink, "encrypt")

    def open(self, source: int, sink: Sink) -> None:
        """Decrypt all that comes. Raises Refused when it cannot be opened."""
        self._stream(["--decrypt"], source, sink, "decrypt")

    def closed(self) -> str:
        """Return why sealed backups cannot be opened here; empty when they can."""
        return self._asked("--list-secret-keys")

    def trouble(self) -> str:
        """Return why nothing can be sealed here; empty when it can."""
        return self._asked("--list-keys")

    def _asked(self, about: str) -> str:
        try:
            done = Runner().run(["gpg", "--batch", about, self._key], within=20)
        except OSError:
            return "gpg is not installed"
        what = "secret key" if "secret" in about else "public key"
        return "" if done.exit_code == 0 else f"gpg has no {what} {self._key} here"

    def _stream(self, words: list[str], source: int, sink: Sink, what: str) -> None:
        argv = ["gpg", "--batch", "--no-tty", "--quiet", *words]
        try:
            done = Runner().run(
                argv,
                source=source,
                sink=lambda data: _drop(sink(data)),
                apart=True,
                within=self._within,
            )
        except FileNotFoundError:
            raise Refused("gpg is not installed.") from None
        if done.exit_code:
            why = "it took too long" if done.timed_out else done.said or "it said nothing"
            raise Refused(f"gpg could not {what}: {why}.")


def _drop(_: object) -> None:
    """Take what nobody needs."""
