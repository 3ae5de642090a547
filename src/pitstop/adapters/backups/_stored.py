"""What every kind of backup does the same way: it lies in a store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from pitstop.adapters.backups._pipes import chunks
from pitstop.adapters.backups._store import Manifest, Store
from pitstop.domain.backup import BackupTaken
from pitstop.ports import Refused


class StoredBackup(ABC):
    """A backup whose files lie in a store; how they are made and proven is for each kind to say."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @abstractmethod
    def _made(self, key: str) -> BackupTaken:
        """Make a backup that is not there yet."""

    @abstractmethod
    def _proven(self, manifest: Manifest) -> str:
        """Read back a backup whose file is unchanged; return the evidence. Raises Refused."""

    def take(self, key: str) -> BackupTaken:
        """Take a backup, once per key."""
        return self._store.whole(key) or self._made(key)

    def verify(self, backup_id: str) -> str:
        """Read a backup back; write down what that came to."""
        manifest = self._store.find(backup_id)
        try:
            self._store.unchanged(manifest)
            why = self._store.sealed_for_others(manifest)
            if why:  # what was proven before it was sealed holds: the file is the same
                return self._store.as_it_was_sealed(manifest, why)
            evidence = self._proven(manifest)
        except Refused:
            self._store.verified(backup_id, None)
            raise
        evidence = f"decrypted, {evidence}" if manifest.taken.encrypted_to else evidence
        self._store.verified(backup_id, evidence)
        return evidence

    def kept(self) -> list[BackupTaken]:
        """Return every whole backup, newest first."""
        return [one.taken for one in self._store.manifests()]

    def contents(self, backup_id: str, sink: Callable[[bytes], object]) -> None:
        """Send a backup's plain bytes to a sink."""
        with self._store.opened(self._store.find(backup_id)) as source:
            for data in chunks(source, self._store.runner.tick):
                sink(data)

    def keep(self, backup_id: str) -> None:
        """Never prune this backup until ``let_go``."""
        self._store.pin(backup_id, True)

    def let_go(self, backup_id: str) -> None:
        """Take back ``keep``."""
        self._store.pin(backup_id, False)

    def prune(self) -> list[str]:
        """Delete what is past its time, never the newest verified one; return the ids."""
        return self._store.prune()
