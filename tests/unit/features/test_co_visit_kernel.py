"""The kernel against the product of matrices that it stands for."""

import numpy as np
from scipy.sparse import csr_array, random_array

from repertoire.features.co_visit_kernel import co_visits


def test_it_is_the_product_of_what_users_have_and_what_items_say() -> None:
    rng = np.random.default_rng(5)
    users, items = 30, 40
    had = (rng.random((users, items)) < 0.2) & (np.arange(users) % 3 > 0)[:, None]  # every third user has nothing
    said = csr_array(random_array((items, items), density=0.2, rng=rng, dtype=np.float32))
    whose, what = np.nonzero(had)
    asked = np.sort(rng.integers(0, users, 500))
    asked = asked[asked % 5 > 0]  # of some users with items nobody asks
    candidates = rng.integers(0, items, len(asked))
    found = co_visits(whose, what, asked, candidates, (said.indptr, said.indices, said.data))
    expected = (had.astype(float) @ said.toarray().astype(float))[asked, candidates]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
