"""What the items of a user say for candidates: compiled, one user at a time."""

from typing import Any

import numpy as np

from repertoire.frames.compiled import compiled_strictly


@compiled_strictly
def co_visits(whose: Any, what: Any, users: Any, candidates: Any, speak: Any) -> Any:
    """Of each candidate the sum of what the user's items say for it, float64.

    whose, what: users and their items, users (candidates,): of each candidate; users ascend in both. speak: (starts, columns,
    values) of the matrix (items, items).
    """
    starts, columns, values = speak
    said = np.zeros(len(starts) - 1)
    found = np.zeros(len(users))
    past = first = 0
    while first < len(users):
        user = users[first]
        while past < len(whose) and whose[past] < user:
            past += 1
        begin = past
        while past < len(whose) and whose[past] == user:
            for place in range(starts[what[past]], starts[what[past] + 1]):
                said[columns[place]] += values[place]
            past += 1
        while first < len(users) and users[first] == user:
            found[first] = said[candidates[first]]
            first += 1
        for row in range(begin, past):
            for place in range(starts[what[row]], starts[what[row] + 1]):
                said[columns[place]] = 0.0
    return found
