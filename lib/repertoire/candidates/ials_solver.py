"""Implicit ALS on blocks of users that only meet in sums: the alternation, wherever the blocks are.

The users' half is solved in each block by conjugate gradient, started from the last iteration. So is the items' half, all
items at once: of its products a block gives the part of its users, and what crosses the network is a matrix (items, factors) a
step, however many users there are. Sums are taken over halves of halves of the blocks, so that the bits do not depend on which
of them lie together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from repertoire.candidates.ials_kernel import (
    add_gram,
    add_products,
    add_residuals,
    shared_products,
    solve_rows,
)
from repertoire.candidates.pair_kernel import Floats, Ints, Longs, add_up_equal_pairs
from repertoire.candidates.user_blocks import UserBlock


@dataclass(frozen=True)
class Objective:
    """Σ_{u,i} c_ui (p_ui - x_u·y_i)² + Σ_u λ_u |x_u|² + Σ_i λ_i |y_i|² (Hu, Koren & Volinsky 2008).

    p is 1 for a wanted pair, else 0; c is `unobserved` plus the pair's weight. λ_u = regularization × (n_u + all)^exponent
    with n_u the wanted pairs of u, and all = unobserved × number of items where `counts_unobserved` (Rendle et al. 2022,
    section 3.2), else 0; likewise for items.
    """

    regularization: float
    unobserved: float
    exponent: float
    counts_unobserved: bool

    def ridge(self, counts: NDArray[np.int64], others: int) -> Floats:
        everything = self.unobserved * others if self.counts_unobserved else 0.0
        scale = np.maximum(counts + everything, 1e-9) ** self.exponent
        return np.asarray(self.regularization * scale, np.float32)


@dataclass(frozen=True)
class Block:
    """Users of one block: ids (n,) ascending; starts (n + 1,), columns, weights: their pairs, as positions of items, none
    twice; factors (n, f)."""

    number: int
    users: pa.Array
    starts: Longs
    columns: Ints
    weights: Floats
    factors: Floats

    @classmethod
    def of(cls, found: UserBlock, size: int) -> "Block":
        """From a block with weights as its values; factors of `size` at zero."""
        starts, columns, weights = add_up_equal_pairs(found.starts, found.columns, found.values[0])
        nothing = np.zeros((len(found.users), size), np.float32)
        return cls(found.number, found.users, starts, columns, weights, nothing)


@dataclass(frozen=True)
class Sums:
    """What some blocks add up to: a matrix (items, factors), and usersᵀ users (factors, factors)."""

    items: Floats
    gram: NDArray[np.float64]

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.items + other.items, self.gram + other.gram)


Node = tuple[int, int, Sums]
"""First block, number of blocks, their sum."""


class Blocks(Protocol):
    """All blocks, somewhere. Both give the sums over all of them."""

    def improve(self, items: Floats, gram: Floats) -> None:
        """Solves the users for these items; gram: the unobserved weight times itemsᵀ items."""

    def solve(self, items: Floats, gram: Floats) -> Sums:
        """Solves the users, then adds up residuals."""

    def products(self, directions: Floats) -> Floats:
        """The pairs' part of the items' matrices times `directions`."""


@dataclass(frozen=True)
class Half:
    """What a block needs for its part of an iteration."""

    objective: Objective
    steps: int

    def improve(self, block: Block, items: Floats, gram: Floats) -> None:
        """Solves the block's users, in place."""
        counts = np.add.reduceat(np.append(block.weights > 0, False), block.starts[:-1], dtype=np.int64)
        ridge = self.objective.ridge(counts, len(items))
        pairs = (block.starts, block.columns, block.weights)
        solve_rows(*pairs, items, gram, ridge, self.objective.unobserved, self.steps, block.factors)

    def residuals(self, block: Block, items: Floats) -> Sums:
        """What the block adds to the items' right sides less their products, and its usersᵀ users."""
        sums = Sums(np.zeros_like(items), np.zeros((items.shape[1], items.shape[1])))
        pairs = (block.starts, block.columns, block.weights)
        add_residuals(*pairs, block.factors, items, self.objective.unobserved, sums.items)
        add_gram(block.factors, sums.gram)
        return sums

    @staticmethod
    def products(block: Block, directions: Floats) -> Floats:
        sums = np.zeros_like(directions)
        add_products(block.starts, block.columns, block.weights, block.factors, directions, sums)
        return sums


@dataclass(frozen=True)
class Plan:
    """What is to be done. fixed: (n,), items that keep their factors; None: none does."""

    half: Half
    iterations: int
    fixed: NDArray[np.bool_] | None = None


class Diverged(Exception):
    """The factors are no longer finite after so many iterations."""

    def __init__(self, iterations: int) -> None:
        super().__init__(iterations)
        self.iterations = iterations


def alternate(
    blocks: Blocks,
    items: Floats,
    item_counts: NDArray[np.int64],
    users: int,
    plan: Plan,
    say: Callable[[int, int], None] = lambda done, of: None,
) -> Floats:
    """The item factors after the plan's iterations, from those given; the users' are then in the blocks, solved last for
    them.

    item_counts: (n,), wanted pairs of each item. Raises Diverged where the factors are no longer finite.
    """
    half, unobserved = plan.half, plan.half.objective.unobserved
    ridge = half.objective.ridge(item_counts, users)
    for iteration in range(plan.iterations):
        sums = blocks.solve(items, scaled_gram(items, unobserved))
        gram = np.asarray(unobserved * sums.gram, np.float32)
        residual = sums.items - _products(items, gram, ridge)
        if plan.fixed is not None:
            residual[plan.fixed] = 0
        items = _improve(items, residual, gram, ridge, blocks.products, half.steps)
        if not np.isfinite(items).all():
            raise Diverged(iteration + 1)
        say(iteration + 1, plan.iterations)
    blocks.improve(items, scaled_gram(items, unobserved))
    return items


def scaled_gram(rows: Floats, scale: float) -> Floats:
    gram = np.zeros((rows.shape[1], rows.shape[1]))
    add_gram(rows, gram)
    return np.asarray(scale * gram, np.float32)


def _products(rows: Floats, gram: Floats, ridge: Floats) -> Floats:
    products = np.zeros_like(rows)
    shared_products(rows, gram, ridge, products)
    return products


def _improve(
    items: Floats, residual: Floats, gram: Floats, ridge: Floats, products: Callable[[Floats], Floats], steps: int
) -> Floats:
    """`steps` of conjugate gradient for every item, each with step lengths of its own."""
    items, direction = items.copy(), residual.copy()
    square = np.einsum("if,if->i", residual, residual)
    for step in range(steps):
        product = products(direction) + _products(direction, gram, ridge)
        curvature = np.einsum("if,if->i", direction, product)
        going = (square > 1e-20) & (curvature > 0)
        length = np.divide(square, curvature, out=np.zeros_like(square), where=going)[:, None]
        items += length * direction
        if step == steps - 1:
            break
        residual -= length * product  # of an item that does not move, both are zero
        new = np.einsum("if,if->i", residual, residual)
        turn = np.divide(new, square, out=np.zeros_like(square), where=going)[:, None]
        direction = residual + turn * direction
        square = new
    return items


def add_up(nodes: Sequence[Node]) -> list[Node]:
    """The fewest nodes with the same sum: neighbours that are two halves of one whole become it."""
    done: list[Node] = []
    for node in sorted(nodes, key=lambda node: node[0]):
        done.append(node)
        while len(done) > 1 and _halves(done[-2], done[-1]):
            (first, size, left), (_, _, right) = done[-2:]
            done[-2:] = [(first, 2 * size, left + right)]
    return done


def _halves(left: Node, right: Node) -> bool:
    return left[1] == right[1] and left[0] % (2 * left[1]) == 0 and left[0] + left[1] == right[0]
