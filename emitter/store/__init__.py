"""The only SQL: one SQLite file, one writer, as many readers as there are threads.

`Store` opens the file; `made` turns values into rows, `webhooks` keeps the webhooks; `writer` commits in groups;
`reader` answers queries; `schema` holds the tables. Another database can stand behind the same seam.
"""

from emitter.store.copying import backup
from emitter.store.lock import Owner, StoreLock
from emitter.store.made import Row
from emitter.store.store import Store
from emitter.store.writer import Batch, Rows

__all__ = ["Batch", "Owner", "Row", "Rows", "Store", "StoreLock", "backup"]
