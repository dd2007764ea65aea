"""What the JVM is told where a command has little to compute."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repertoire.settings import Settings

# On little data the JVM would spend most of its time compiling: the quick compiler alone is faster then. It is slower on much
# data, and where MLlib computes in Java.
_QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseParallelGC -XX:ReservedCodeCacheSize=240m"
_SMALL_BYTES = 8 * 2**20
_UNPACKED = 4  # bytes of a log for each byte of its .gz


def quickly_started(settings: "Settings", data: str | Path, *, java_computes: bool) -> "Settings":
    """The same settings; where the file or folder is small, with options for the JVM, unless there are some."""
    spark = settings.spark
    if spark.java_options or java_computes or not _is_small(Path(data)):
        return settings
    return settings.model_copy(update={"spark": spark.model_copy(update={"java_options": _QUICK_START})})


def als_in_java(settings: "Settings", models: Sequence[str]) -> bool:
    """Whether one of the models is MLlib's ALS, and it will compute in Java, for want of a native BLAS."""
    from repertoire.session import has_native_blas

    by_mllib = "als" in models and settings.candidates.als.engine == "mllib"
    return by_mllib and not has_native_blas()


def _is_small(data: Path) -> bool:
    """Whether local data is small; of data elsewhere nothing is known before Spark has started."""
    files = [data] if data.is_file() else data.rglob("*")
    sizes = [file.stat().st_size * (_UNPACKED if file.suffix == ".gz" else 1) for file in files if file.is_file()]
    return 0 < sum(sizes) < _SMALL_BYTES
