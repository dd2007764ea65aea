"""Arrow batches of rows ordered by user, cut where a user's rows end."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from repertoire import vocabulary as v


def whole_users(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows of batches in tables that hold all rows of their users, who stand together."""
    kept: list[pa.RecordBatch] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        users = batch.column(v.USER_ID)
        inner = pc.index(pc.equal(users, users[-1]), True).as_py()
        if inner > 0:
            yield pa.Table.from_batches([*kept, batch.slice(0, inner)])
            kept = [batch.slice(inner)]
        elif kept and kept[-1].column(v.USER_ID)[-1] != users[0]:
            yield pa.Table.from_batches(kept)
            kept = [batch]
        else:
            kept.append(batch)
    if kept:
        yield pa.Table.from_batches(kept)
