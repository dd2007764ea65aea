"""The version checksum of a table that was just made, as Delta's protocol has it: what the table's log says, summed up.

Spark's Delta sums up a version from the checksum of the one before. Where there is none, as after delta-rs made the table, it
computes the state of the table first: seven Spark jobs, which on small data cost more than what is written.
https://github.com/delta-io/delta/blob/master/PROTOCOL.md#version-checksum-file
"""

import json
from collections.abc import Mapping
from typing import Any

FIRST_COMMIT = "00000000000000000000.json"
FIRST_CHECKSUM = "00000000000000000000.crc"


def checksum_of_empty(commit: str) -> str | None:
    """The content of the checksum of a table's first version, whose commit this is; None where it has files already."""
    actions: dict[str, Mapping[str, Any]] = {}
    for line in commit.splitlines():
        actions |= json.loads(line) if line else {}
    if actions.keys() - {"commitInfo", "protocol", "metaData"}:
        return None
    return json.dumps(
        {
            "tableSizeBytes": 0,
            "numFiles": 0,
            "numMetadata": 1,
            "numProtocol": 1,
            "setTransactions": [],
            "domainMetadata": [],
            "allFiles": [],
            "metadata": actions["metaData"],
            "protocol": actions["protocol"],
        }
    )
