"""The Spark session: made once by a command or a job, then passed to whoever needs it."""

import contextlib
import ctypes
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from repertoire.errors import RepertoireError, SettingsError
from repertoire.settings import SparkSettings

_DELTA_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
_DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"
_DEFAULT_FS = "fs.defaultFS"
_LOG = Path(__file__).with_name("log4j2.properties").as_uri()


def _log_level() -> str:
    """Spark's log on the console: off, or what $REPERTOIRE_LOG says."""
    return os.environ.get("REPERTOIRE_LOG", "off")


@contextlib.contextmanager
def _jvm_noise_aside(*, quiet: bool) -> Iterator[None]:
    """Lets the JVM that is started inside inherit a nameless file as its stderr.

    It and native libraries write warnings there (incubator modules, missing BLAS) that nobody can act on. If it does
    not start, what it wrote is shown.
    """
    if not quiet:
        yield
        return
    with tempfile.TemporaryFile() as aside:
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except BaseException:
            aside.seek(0)
            os.write(stderr, aside.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def jars_folder() -> Path:
    """Where `scripts/setup.sh` puts the Delta jars; $REPERTOIRE_JARS names another folder."""
    return Path(os.environ.get("REPERTOIRE_JARS") or Path(sys.prefix, "share", "repertoire", "jars"))


def delta_jars() -> list[Path]:
    """The Delta jars that set-up resolved. Raises RepertoireError if there are none."""
    jars = sorted(jars_folder().glob("delta-*.jar"))
    if not jars:
        raise RepertoireError(f"no Delta jars in {jars_folder()}. Run scripts/setup.sh, which fetches them once.")
    return jars


def class_archive() -> Path:
    """Where `scripts/setup.sh` puts the classes that a run loads, ready for the JVM: local sessions start from it."""
    return Path(sys.prefix, "share", "repertoire", "classes.jsa")


def _java_options(settings: SparkSettings) -> str:
    # Classes that Spark compiles for its plans fill the metaspace; at its usual 21 MiB each growth starts a collection.
    metaspace = "" if "-XX:MetaspaceSize" in settings.java_options else "-XX:MetaspaceSize=512m"
    options = [
        f"-Dlog4j2.configurationFile={_LOG}",
        f"-Drepertoire.log={_log_level()}",
        metaspace,
        settings.java_options,
    ]
    archive = class_archive()
    if archive.is_file() and " " not in str(archive) and "-XX:ArchiveClasses" not in settings.java_options:
        # Of another Java, or another class path, it is not used, and -Xlog keeps the JVM from saying so.
        options += [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
    return " ".join(options)


def use_java() -> None:
    """Points JAVA_HOME at the Java that `scripts/setup.sh` found, unless the environment names one that is there."""
    found = Path(sys.prefix, "share", "repertoire", "java_home")
    named = os.environ.get("JAVA_HOME")
    if not (named and Path(named, "bin", "java").exists()) and found.is_file():
        os.environ["JAVA_HOME"] = found.read_text(encoding="utf-8").strip()


def has_native_blas() -> bool:
    """Whether MLlib will find libblas and liblapack; without them it computes in Java."""
    try:
        ctypes.CDLL("libblas.so.3")
        ctypes.CDLL("liblapack.so.3")
    except OSError:
        return False
    return True


def under_spark_submit() -> bool:
    """Whether spark-submit started this process, so that master, memory and jars are its business."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _given_to_spark_submit() -> dict[str, str]:
    """The configuration that spark-submit was given, which counts more than ours."""
    if not under_spark_submit():
        return {}
    SparkContext._ensure_initialized()
    return dict(SparkConf().getAll())


def spark_conf(settings: SparkSettings) -> dict[str, str]:
    """What Spark is or will be configured with by its user: in the settings, or for spark-submit, which counts more."""
    return settings.conf | _given_to_spark_submit()


def start_session(settings: SparkSettings, *, app: str, files_here: bool = True) -> SparkSession:
    """A session with Delta; times in SQL are in UTC.

    files_here: the warehouse lies on this machine's disk. Then a path without a scheme is one of this disk for Spark, too,
    whatever file system HADOOP_CONF_DIR makes the default one. Raises RepertoireError if Java or the Delta jars are
    missing, SettingsError if executors on other machines would look for that warehouse on another file system.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # Spark's tasks are the threads
    if settings.master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    conf = {
        "spark.sql.extensions": _DELTA_EXTENSION,
        "spark.sql.catalog.spark_catalog": _DELTA_CATALOG,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(settings.shuffle_partitions),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # Delta plans its own log with this many tasks, and lists folders with the other: small logs need few.
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
        # The driver asks for the status of so many files itself before it starts a Spark job to do it.
        "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.adaptive.enabled": "true",
        "spark.sql.icu.caseMappings.enabled": "false",  # lower() would first load ICU's tables, for seconds
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",  # 8 bytes that every reader knows; INT96 takes 12
        "spark.hadoop.parquet.enable.dictionary#event_id": "false",  # no two are equal
        # Every table that is broadcast, however small, takes a page of the driver's heap: Spark's own are up to 64 MiB.
        "spark.buffer.pageSize": "4m",
    }
    builder = SparkSession.builder.appName(app)
    if not under_spark_submit():
        use_java()
        jars = [str(jar) for jar in delta_jars()]
        if settings.master.startswith("local"):
            # As spark.jars they would miss the class archive.
            conf["spark.driver.extraClassPath"] = os.pathsep.join(jars)
            conf["spark.sql.files.maxPartitionBytes"] = "32m"  # a few cores: smaller tasks end together
        else:
            conf["spark.jars"] = ",".join(jars)
        os.environ.pop("SPARK_HOME", None)  # another Spark's scripts would start another Spark's jars
        conf |= {
            "spark.master": settings.master,
            "spark.driver.memory": settings.driver_memory,
            "spark.ui.enabled": "false",
            "spark.driver.extraJavaOptions": _java_options(settings),
        }
    given = _given_to_spark_submit()
    if files_here and given.get("spark.master", settings.master).startswith("local"):
        conf[f"spark.hadoop.{_DEFAULT_FS}"] = "file:///"
    for key, value in (conf | settings.conf).items():
        if key not in given:
            builder = builder.config(key, value)
    try:
        with _jvm_noise_aside(quiet=_log_level() == "off" and not under_spark_submit()):
            spark = builder.getOrCreate()
    except Exception as error:
        if "JAVA_GATEWAY_EXITED" in str(error) or "Java gateway" in str(error):
            raise RepertoireError(
                "Java could not be started. Spark needs Java 17 or later: run scripts/setup.sh, or set JAVA_HOME. "
                "`repertoire doctor` says what was found."
            ) from error
        raise
    if files_here:
        _refuse_another_disk(spark)
    logging.getLogger("py4j").setLevel(logging.ERROR)
    for name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):  # the exception says it, in one line
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return spark


def _refuse_another_disk(spark: SparkSession) -> None:
    """Raises SettingsError where a path without a scheme is not one of this machine's disk."""
    default = str(spark._jsc.hadoopConfiguration().get(_DEFAULT_FS))
    if not default.startswith("file:"):
        master = spark.conf.get("spark.master", "")
        spark.stop()
        raise SettingsError(
            f"run.warehouse is a folder of this machine's disk, but Spark ({master}) would write "
            f"its tables to {default}, which HADOOP_CONF_DIR makes the default file system. "
            f"Write the whole address, {default.rstrip('/')}/PATH; or run with --env local. Nothing was written."
        )
