"""What the scorer needs beside the JVM: each Python worker holds a copy of the items."""

_WORKER = 200 * 2**20
_COPIES = 5


def worker_bytes(items: int, factors: int) -> int:
    """Estimated bytes of one Python worker that scores.

    A worker with the libraries loaded and a block of users in work takes 165 MiB; the items as they arrive and as the
    kernel lays them out take 4.9 times their float32 factors (measured at 200,000 × 64 and 500,000 × 128).
    """
    return _WORKER + _COPIES * items * factors * 4
