"""All that is kept, as a whole: emptied, put aside and gone back to, backed up, trimmed; and who may ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from emitter import clock as time
from emitter import snapshots
from emitter.clock import SystemClock, VirtualClock
from emitter.gate import passing
from emitter.history import Json
from emitter.simulator.acting import Acting


class Keeping(Acting):
    """Resets, snapshots, retention and tokens."""

    @passing
    def make_token(self, user: str, *, permissions: Sequence[str] = (), name: str = "") -> Json:
        """Make a token for a user of the world; the answer holds its text as `token`, which is told this once.

        Whoever bears it has the user's rights in the vendor's API, and these global `permissions` beside. Raises what
        `Tokens.make` does.
        """
        made, text = self.issued.make(user, permissions=permissions, name=name)
        return {**self.issued.show(made), "token": text}

    def tokens(self) -> list[Json]:
        """The tokens that were made, the oldest first, without their texts."""
        return [self.issued.show(each) for each in self.issued.all()]

    @passing
    def revoke_token(self, token_id: str) -> None:
        """Refuse a token from now on, by its id or a name that no other has; raises `NotFound`."""
        self.issued.revoke(token_id)

    def reset(self) -> None:
        """Forget all events, deliveries, attempts, webhooks, runs and the world; close receivers and stand-ins.

        Snapshots stay. A run is ended; what is under way is let finish first.
        """
        self.registry.stop()
        with self._replacing():
            self.store.reset()
            self.dispatcher.forget()
            self._webhooks.clear()
            self.opened.close_all()
            self.standing_in.close_all()
            self.watches.forget()
        self._begin()

    @contextmanager
    def _still(self) -> Iterator[None]:
        """Let nothing happen for a while, once what is under way is over."""
        patience = self.assumptions.delivery_timeout.total_seconds() + 2.0
        with self.gate.alone(), self.world.still(), self.dispatcher.still(patience), self._webhooks_lock:
            yield

    @contextmanager
    def _replacing(self) -> Iterator[None]:
        """As `_still`, and begin anew from what the store holds then."""
        with self._still():
            with self.world.replaced():
                yield
            if self.settings.resume:
                self.world.resume()

    def snapshots(self) -> list[Json]:
        """The snapshots of this store, by name."""
        return [snapshots.told(each) for each in self.store.snapshots.all()]

    def take_snapshot(self, name: str, *, replace: bool = False) -> Json:
        """Keep all that there is under a name, to go back to: world, clock, webhooks with their keys, history.

        What is under way is let finish first. Raises `BadValue` for what is no name, and `Conflict` for one that is
        taken, unless it is to be replaced.
        """
        kept = self.store.snapshots
        kept.check_new(name, replace=replace)
        with self._still():
            now, virtual = self.clock.now(), self.clock.virtual
            about = snapshots.about(counts=self.store.counts(), now=now, virtual=virtual)
            with self._faulted_lock:
                facts = snapshots.facts(
                    now=now, virtual=virtual, factory=self.factory, stamps=self._stamps, faulted=self._faulted
                )
            return snapshots.told(kept.take(name, about, facts, replace=replace))

    def restore_snapshot(self, name: str) -> Json:
        """Go back to a snapshot: what came after it is gone, and what was waiting then waits again.

        A run is ended; what is under way is let finish first. A virtual clock goes back, too. The next events are those
        that came next then, where the seed is the same. Raises `NotFound`.
        """
        found = self.store.snapshots.find(name)
        self.registry.stop()
        with self._replacing():
            self.store.snapshots.restore(name)
            self.dispatcher.forget()
            self._webhooks.clear()
            self._webhooks.update((webhook.id, webhook) for webhook in self.store.webhooks())
            if isinstance(self.clock, VirtualClock):
                then = self.store.recall("virtual-now")
                self.clock.set(self.clock.now() if then is None else int(then))
            with self._faulted_lock:
                self._faulted = snapshots.go_back(
                    self.store.recall("chance"), factory=self.factory, stamps=self._stamps, latest=self._latest_stamp()
                )
            self.issued.reload()
            self.watches.forget()
            if self.settings.resume:
                self.interrupted = self.dispatcher.resume(list(self._webhooks.values()))
        return snapshots.told(found)

    @passing
    def delete_snapshot(self, name: str) -> None:
        """Delete a snapshot; raises `NotFound`."""
        self.store.snapshots.delete(name)

    def backup(self, target: Path) -> None:
        """Copy the store to a new file while it runs."""
        self.store.backup(target)

    def _housekeeping(self) -> None:
        """Keep to the retention that is set, now and then."""
        settings = self.settings
        if self._closed or (settings.keep is None and settings.keep_attempts is None):
            return
        older = None if settings.keep is None else time.wall() - settings.keep // timedelta(microseconds=1) * 1000
        newest = self.store.last_attempt
        if newest and (older is not None or newest != self._trimmed):
            self._trimmed = newest
            self.store.trim_soon(older_than=older, most=settings.keep_attempts)
        if isinstance(self.clock, SystemClock):
            self.shared.clock.at(self.clock.now() + 10 * time.SECOND, self._housekeeping)
