"""Whether Spark can run all workers at once: a barrier stage that cannot would wait for ten minutes and then fail."""

from pyspark.sql import SparkSession

from repertoire.errors import SettingsError


def refuse_too_few_slots(spark: SparkSession, workers: int) -> None:
    """Raises SettingsError where so many tasks cannot run at the same time. One worker is an ordinary task."""
    if workers == 1:
        return
    local = _is_local(spark)
    if not local and spark.conf.get("spark.dynamicAllocation.enabled", "false") == "true":
        raise SettingsError(
            f"the network is to be trained by {workers} workers, which start together in a barrier stage; Spark has none "
            "while spark.dynamicAllocation.enabled is true. Set it to false, with spark.executor.instances; or set "
            "workers of the network to 1."
        )
    slots = max(_slots_now(spark), 0 if local else _slots_configured(spark))
    if slots < workers:
        more = "a master with more cores" if local else "more executors, or more spark.executor.cores"
        raise SettingsError(
            f"the network is to be trained by {workers} workers at the same time, but Spark has room for {slots} tasks. "
            f"Set workers of the network to {slots} or less; or give Spark {more}."
        )


def threads_of_a_worker(spark: SparkSession, workers: int) -> int:
    """Cores that are free for one of so many tasks that run alone."""
    slots = max(1, _slots_now(spark))
    if not _is_local(spark):
        # A task is on one executor.
        slots = min(slots, int(spark.conf.get("spark.executor.cores", "1") or 1) * workers)
    return max(1, slots // workers)


def _is_local(spark: SparkSession) -> bool:
    return str(spark.conf.get("spark.master", "")).startswith("local") and "cluster" not in str(
        spark.conf.get("spark.master", "")
    )


def _slots_now(spark: SparkSession) -> int:
    """Tasks that the executors which are there can run at once: what Spark itself holds a barrier stage against."""
    context = spark.sparkContext._jsc.sc()
    return int(context.maxNumConcurrentTasks(context.resourceProfileManager().defaultResourceProfile()))


def _slots_configured(spark: SparkSession) -> int:
    """Of executors that may be on their way."""
    executors, cores, of_a_task = (
        int(spark.conf.get(name, default) or default)
        for name, default in (
            ("spark.executor.instances", "0"),
            ("spark.executor.cores", "1"),
            ("spark.task.cpus", "1"),
        )
    )
    return executors * (cores // of_a_task)
