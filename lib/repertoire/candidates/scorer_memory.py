"""What the scorer needs beside the JVM: each Python worker holds a copy of the items, or a block of them at a time."""

_WORKER = 200 * 2**20
_COPIES = 5
_FROM_A_FILE = 300 * 2**20


def worker_bytes(items: int, factors: int, memory_mb: int) -> int:
    """Estimated bytes of one Python worker that scores. memory_mb: candidates.max_item_factors_mb.

    A worker with the libraries loaded and a block of users in work takes 165 MiB; the items as they arrive and as the
    kernel lays them out take 4.9 times their float32 factors (measured at 200,000 × 64 and 500,000 × 128). Items in a file
    take 300 MiB whatever their number, for a block and the scores of 4,096 users (measured at 10^6 × 64 and × 128), beside what
    the machine keeps of the file while memory is free.
    """
    held = items * factors * 4
    return _WORKER + (_COPIES * held if held <= memory_mb * 2**20 else _FROM_A_FILE)
