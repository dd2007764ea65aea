"""Whether a profile of Spark (`spark-submit --properties-file`) will do for a log of some size: docs/sizing.md."""

import re
from dataclasses import dataclass
from pathlib import Path

from repertoire.candidates.als import blocks_of
from repertoire.candidates.als_memory import AlsMemory, AlsSize, bytes_of
from repertoire.candidates.scorer_memory import worker_bytes
from repertoire.errors import SettingsError
from repertoire.settings import CandidateSettings

_GIB = 2**30
_LEAST_OVERHEAD = 384 * 2**20


@dataclass(frozen=True)
class LogSize:
    """What a run has to hold: distinct pairs of a user and an item, users, items."""

    pairs: int
    users: int
    items: int


@dataclass(frozen=True)
class Profile:
    """A properties file: Spark's keys and values."""

    path: Path
    values: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> "Profile":
        """Raises SettingsError where there is no such file, or a line is not `key value`."""
        if not path.is_file():
            raise SettingsError(f"--profile {path}: there is no such file. Those of the project are in conf/spark/")
        values = {}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            words = line.strip()
            if words and not words.startswith(("#", "!")):
                parts = re.split(r"\s*[=:\s]\s*", words, maxsplit=1)
                if len(parts) != 2:
                    raise SettingsError(f'{path}, line {number}: expected a key and a value, found "{words}"')
                values[parts[0]] = parts[1]
        return cls(path, values)

    def amount(self, key: str, otherwise: str) -> int:
        return bytes_of(self.values.get(key, otherwise))

    def count(self, key: str, otherwise: int) -> int:
        text = self.values.get(key, str(otherwise))
        if not text.isdigit():
            raise SettingsError(f'{self.path}: {key} is "{text}"; it takes a whole number')
        return int(text)

    def memory_of(self, process: str) -> tuple[int, int]:
        """Bytes of the heap of the driver or of an executor, and beside it; by default what Spark takes."""
        heap = self.amount(f"spark.{process}.memory", "1g")
        beside = f"{max(_LEAST_OVERHEAD, heap // 10) >> 20}m"
        return heap, self.amount(f"spark.{process}.memoryOverhead", beside)

    @property
    def cores(self) -> int:
        """Of an executor."""
        return self.count("spark.executor.cores", 1)

    @property
    def executors(self) -> int:
        """The most that there can be."""
        if self.values.get("spark.dynamicAllocation.enabled") == "true":
            return self.count("spark.dynamicAllocation.maxExecutors", 1)
        if "spark.executor.instances" in self.values:
            return self.count("spark.executor.instances", 2)
        return max(1, self.count("spark.cores.max", 2 * self.cores) // self.cores)


def shortcomings(profile: Profile, size: LogSize, settings: CandidateSettings) -> list[str]:
    """What of a profile will not do for a log of this size: a line each, with what to write instead."""
    found = [_files(profile), _heap(profile, size, settings)]
    if profile.values.get("spark.master") == "yarn" or "spark.kubernetes.namespace" in profile.values:
        found += [_overhead(profile, size, settings), _driver_overhead(profile, size, settings)]
    return [line for line in found if line]


def _files(profile: Profile) -> str | None:
    named = ",".join(profile.values.get(key, "") for key in ("spark.archives", "spark.submit.pyFiles", "spark.jars"))
    files = [text.partition("#")[0] for text in named.split(",") if text]
    missing = [text for text in files if "://" not in text and not Path(text).exists()]
    return f"{', '.join(missing)}: not there. scripts/package.sh makes what the nodes need" if missing else None


def _heap(profile: Profile, size: LogSize, settings: CandidateSettings) -> str | None:
    als, blocks = settings.als, blocks_of(size.pairs)
    tasks = profile.executors * profile.cores
    needed = AlsMemory.of(AlsSize(size.pairs, size.users, size.items, als.rank, blocks, blocks, tasks)).total
    has = profile.executors * profile.amount("spark.executor.memory", "1g")
    if needed <= als.refuse_memory_share * has:
        return None
    wanted = needed / als.refuse_memory_share / profile.executors
    return (
        f"spark.executor.memory: {profile.executors} executors have {has / _GIB:.1f} GiB of heap; ALS at rank {als.rank} "
        f"needs about {needed / _GIB:.1f}, of which it takes {als.refuse_memory_share:.0%} at most. Write "
        f"spark.executor.memory {_gibibytes(wanted)}, or allow more executors"
    )


def _overhead(profile: Profile, size: LogSize, settings: CandidateSettings) -> str | None:
    heap, has = profile.memory_of("executor")
    worker = worker_bytes(size.items, settings.als.rank, settings.max_item_factors_mb)
    needed = profile.cores * worker + max(_LEAST_OVERHEAD, heap // 20)
    if needed <= has:
        return None
    return (
        f"spark.executor.memoryOverhead: {has / _GIB:.1f} GiB for {profile.cores} Python workers of about "
        f"{worker / _GIB:.1f} GiB each ({size.items:,} items at rank {settings.als.rank}) and the JVM's own: the container "
        f"would be killed. Write spark.executor.memoryOverhead {_gibibytes(needed)}, or fewer spark.executor.cores"
    )


def _driver_overhead(profile: Profile, size: LogSize, settings: CandidateSettings) -> str | None:
    _, has = profile.memory_of("driver")
    needed = worker_bytes(size.items, settings.als.rank, settings.max_item_factors_mb) + _LEAST_OVERHEAD
    if needed <= has:
        return None
    return (
        f"spark.driver.memoryOverhead: {has / _GIB:.1f} GiB, of which the driver's Python needs "
        f"{needed / _GIB:.1f} for {size.items:,} items at rank {settings.als.rank} in cluster deploy mode. Write "
        f"spark.driver.memoryOverhead {_gibibytes(needed)}"
    )


def _gibibytes(count: float) -> str:
    return f"{-(-int(count) // _GIB)}g"
