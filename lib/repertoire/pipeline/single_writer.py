"""One run at a time in a whole warehouse, for stores where Delta cannot tell two writers apart (docs/object-stores.md)."""

import contextlib
from collections.abc import Callable, Iterator

from repertoire.pipeline.lease import Lease
from repertoire.settings.tree import RunSettings
from repertoire.store import Warehouse

WHOLE = "the whole warehouse"


@contextlib.contextmanager
def sole_writer(warehouse: Warehouse, settings: RunSettings, owner: str) -> Iterator[Callable[[], None]]:
    """Holds the warehouse against every other run where run.single_writer is set; else nothing.

    Gives a function to be called before each commit, which raises LeaseLostError once another run has taken over.
    Raises LeaseHeldError if another run holds it.
    """
    if not settings.single_writer:
        yield lambda: None
        return
    with Lease(warehouse.files, warehouse.folder("leases"), WHOLE, owner, seconds=settings.lease_seconds) as lease:
        yield lease.check
