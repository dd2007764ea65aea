"""The only code that touches Delta, HDFS and local paths."""

from repertoire.store.warehouse import Warehouse, open_warehouse

__all__ = ["Warehouse", "open_warehouse"]
