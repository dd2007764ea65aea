"""What a stage cost, from Spark's own accounts: read when it ends, without a Spark job.

Spark keeps them for its user interface, and also where that is off. It forgets the oldest jobs and stages past
spark.ui.retainedJobs and spark.ui.retainedStages, and enters what happens a little later; a cost that lacks some says so.
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from repertoire.pipeline.memory_limits import MemoryLimits, memory_limits

_BUS_MILLISECONDS = 2_000
_RESET_PEAK = "5"  # to /proc/self/clear_refs: see proc(5)


@dataclass(frozen=True)
class StageCost:
    """The columns of the table `stage_costs` under the same names; bytes and seconds. None where nothing measured it."""

    application_id: str
    complete: bool
    spark_jobs: int
    spark_stages: int
    tasks: int
    failed_tasks: int
    executor_seconds: float
    cpu_seconds: float
    gc_seconds: float
    input_bytes: int
    output_bytes: int
    shuffle_read_bytes: int
    shuffle_written_bytes: int
    spilled_bytes: int
    driver_heap_bytes: int
    driver_heap_limit_bytes: int
    driver_python_bytes: int | None
    executor_heap_bytes: int | None
    executor_heap_limit_bytes: int
    executor_python_bytes: int | None
    executor_rss_bytes: int | None
    executor_limit_bytes: int | None


class CostMeter:
    """Measures one stage after the other of a session: `start`, then `read`."""

    def __init__(self, spark: SparkSession) -> None:
        jvm: Any = spark._jvm
        self._file = jvm.java.io.File
        self._context: Any = spark._jsc.sc()
        self._store = self._context.statusStore()
        self._json = jvm.org.apache.spark.status.api.v1.JacksonMessageWriter().mapper()
        pools = jvm.java.lang.management.ManagementFactory.getMemoryPoolMXBeans()
        self._heap = [pool for pool in pools if str(pool.getType().name()) == "HEAP"]
        self._limits: MemoryLimits = memory_limits(spark)
        self._group, self._jobs_before, self._python_is_reset = "", 0, False

    def start(self, group: str) -> None:
        """From here on a stage is measured whose Spark jobs are those of a job group."""
        self._group, self._jobs_before = group, self._jobs_so_far()
        for pool in self._heap:
            pool.resetPeakUsage()
        self._python_is_reset = _reset_own_peak()

    def read(self) -> StageCost:
        """What was used since `start`. Raises what py4j raises where the JVM is gone."""
        settled = self._settled()
        since = self._jobs_so_far() - self._jobs_before
        recent = self._rows(self._store.jobsList(None).take(since))
        jobs = [job for job in recent if job.get("jobGroup") == self._group]
        wanted = {stage for job in jobs for stage in job["stageIds"]}
        stages = [stage for stage in self._stages(wanted) if stage["stageId"] in wanted]
        found = {stage["stageId"] for stage in stages}
        peaks = [stage["peakExecutorMetrics"] for stage in stages if stage.get("peakExecutorMetrics")]
        rss = sum(_peak(peaks, f"ProcessTree{which}RSSMemory") or 0 for which in ("JVM", "Python", "Other"))
        return StageCost(
            application_id=str(self._context.applicationId()),
            complete=settled and len(recent) == since and found == wanted,
            spark_jobs=len(jobs),
            spark_stages=sum(stage["status"] != "SKIPPED" for stage in stages),
            tasks=_total(stages, "numCompleteTasks"),
            failed_tasks=_total(stages, "numFailedTasks"),
            executor_seconds=_total(stages, "executorRunTime") / 1e3,
            cpu_seconds=_total(stages, "executorCpuTime") / 1e9,
            gc_seconds=_total(stages, "jvmGcTime") / 1e3,
            input_bytes=_total(stages, "inputBytes"),
            output_bytes=_total(stages, "outputBytes"),
            shuffle_read_bytes=_total(stages, "shuffleReadBytes"),
            shuffle_written_bytes=_total(stages, "shuffleWriteBytes"),
            spilled_bytes=_total(stages, "diskBytesSpilled"),
            driver_heap_bytes=sum(int(pool.getPeakUsage().getUsed()) for pool in self._heap),
            driver_heap_limit_bytes=self._limits.driver_heap,
            driver_python_bytes=_own_peak() if self._python_is_reset else None,
            executor_heap_bytes=_peak(peaks, "JVMHeapMemory"),
            executor_heap_limit_bytes=self._limits.executor_heap,
            executor_python_bytes=_peak(peaks, "ProcessTreePythonRSSMemory"),
            executor_rss_bytes=rss or None,
            executor_limit_bytes=self._limits.executor,
        )

    def _settled(self) -> bool:
        """Whether Spark has entered all that has happened; it does so behind the work, on a busy cluster far behind."""
        try:
            self._context.listenerBus().waitUntilEmpty(_BUS_MILLISECONDS)
        except Py4JJavaError as error:
            if "TimeoutException" not in str(error.java_exception.getClass().getName()):
                raise
            return False
        return True

    def _jobs_so_far(self) -> int:
        return int(self._context.dagScheduler().numTotalJobs())

    def _stages(self, wanted: set[int]) -> list[dict[str, Any]]:
        """The newest attempts at stages, back to the oldest wanted one, as far as Spark still has them."""
        defaults = [getattr(self._store, f"stageList$default${number}")() for number in (2, 3, 4, 5)]
        newest_first = self._store.stageList(None, *defaults)
        if not wanted or newest_first.isEmpty():
            return []
        most = int(newest_first.head().stageId()) - min(wanted) + 1
        while True:
            rows = self._rows(newest_first.take(most))
            if len(rows) < most or rows[-1]["stageId"] <= min(wanted):
                return rows
            most *= 2  # some were attempted more than once

    def _rows(self, sequence: Any) -> list[dict[str, Any]]:
        """By way of a file: asking for each figure takes a message to the JVM each, and one long message takes ten times
        as long as a file."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "rows.json")
            self._json.writeValue(self._file(str(file)), sequence)
            rows: list[dict[str, Any]] = json.loads(file.read_bytes())
        return rows


class CostAccount:
    """The meter of a run's stages. A run does not fail for want of its accounts: where they cannot be had, it says so."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._meter: CostMeter | None = None

    def start(self, spark: SparkSession, group: str) -> None:
        """From here on a stage is charged with the Spark jobs of a group."""
        try:
            self._meter = self._meter or CostMeter(spark)
            self._meter.start(group)
        except Exception as error:
            self._meter = None
            self._say(f"what the stage costs cannot be measured: {type(error).__name__}")

    def read(self) -> StageCost | None:
        """What the stage cost; None where Spark does not say."""
        try:
            return self._meter.read() if self._meter else None
        except Exception as error:
            self._say(f"what the stage cost could not be read: {type(error).__name__}")
            return None


def _total(stages: Iterable[dict[str, Any]], name: str) -> int:
    return sum(int(stage[name]) for stage in stages)


def _peak(peaks: Iterable[dict[str, int]], name: str) -> int | None:
    """The greatest sample; None where no heartbeat or poll fell into a task, so that there is none."""
    return max((peak.get(name, 0) for peak in peaks), default=0) or None


def _reset_own_peak() -> bool:
    """Whether this process's peak of resident memory counts anew from here; Linux only."""
    try:
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def _own_peak() -> int | None:
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None
