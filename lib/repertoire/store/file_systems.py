"""What the file systems that may hold a warehouse promise, and what is refused because they do not promise it.

Everything that writes a data table runs under leases, and leases stand on exclusive creation of a file, which all of
these have. Delta needs more: that of two commits of one version only one can be made. On S3 Spark's Delta cannot have
that from the store (docs/decisions/0014), so there one lease for the whole warehouse has to stand for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from repertoire.errors import SettingsError


@dataclass(frozen=True)
class FileSystem:
    """A kind of file system.

    many_writers: whether runs of two dates may commit to one Delta table at once. is_object_store: whether files
    are objects behind a web API, without links or renaming of folders. log_store: the class through which Delta commits
    there; None where any that a cluster has set will do.
    """

    many_writers: bool = True
    is_object_store: bool = False
    log_store: str | None = None


_S3 = FileSystem(many_writers=False, is_object_store=True, log_store="io.delta.storage.S3SingleDriverLogStore")
_AZURE = FileSystem(is_object_store=True, log_store="io.delta.storage.AzureLogStore")
# A laptop's disk is not refused, though two processes could collide there as well: docs/object-stores.md says so.
_KNOWN = {"": FileSystem(), "file": FileSystem(), "hdfs": FileSystem(), "s3a": _S3, "abfs": _AZURE, "abfss": _AZURE}
_HINTS = {
    "s3": "Write s3a:// for it, which is what Hadoop calls S3. ",
    "s3n": "Write s3a:// for it, which is what Hadoop calls S3. ",
    "wasb": "Hadoop 3.5 has no wasb any more; write abfs:// for the same container. ",
    "wasbs": "Hadoop 3.5 has no wasbs any more; write abfss:// for the same container. ",
}
_SECRETS = (
    "fs.s3a.access.key",
    "fs.s3a.secret.key",
    "fs.s3a.session.token",
    "fs.azure.account.key",
    "fs.azure.account.oauth2.client.secret",
    "fs.azure.sas.fixed.token",
)


def file_system(path: str) -> FileSystem:
    """The kind of file system of a path or URL.

    Raises SettingsError for one that cannot hold a warehouse, is no URL, or has a password in it.
    """
    try:
        url = urlsplit(path)
    except ValueError as error:
        raise SettingsError(f"run.warehouse is {path}: that is neither a path nor a URL ({error}).") from None
    if url.scheme not in _KNOWN:
        raise SettingsError(
            f"run.warehouse is {path}: a warehouse cannot lie on {url.scheme}://. {_HINTS.get(url.scheme, '')}"
            "Allowed: a local folder, hdfs://, s3a:// and abfs:// or abfss:// (docs/object-stores.md)."
        )
    if url.password or (url.scheme == "s3a" and url.username):
        raise SettingsError(
            f"run.warehouse is a {url.scheme}:// URL with a key or a password in it, which logs and the ledger would show. "
            f"Write {url.scheme}://{url.hostname}{url.path} and keep the key in the environment (docs/object-stores.md)."
        )
    return _KNOWN[url.scheme]


def refuse_unsafe_writing(
    warehouse: str, *, single_writer: bool, spark_conf: Mapping[str, str], settings_conf: Mapping[str, str]
) -> None:
    """Raises SettingsError where two runs could destroy each other's commits in a warehouse.

    single_writer: whether each run holds the whole warehouse. spark_conf: all that Spark is configured with, as far as
    it is known before Spark starts; settings_conf: what of it stands in the settings, where secrets are refused.
    """
    kind = file_system(warehouse)
    if not kind.is_object_store:
        return
    if kind.log_store:
        _refuse_log_stores(warehouse, kind.log_store, spark_conf)
    if not kind.many_writers:
        _refuse_hasty_creation(warehouse, spark_conf)
    _refuse_secrets(settings_conf)
    if not kind.many_writers and not single_writer:
        raise SettingsError(
            f"run.warehouse is {warehouse}, and run.single_writer is false. Delta 4.4 commits to s3a:// safely from one "
            "driver at a time only: two runs, even of different dates, could lose each other's rows. Set "
            "run.single_writer=true, with which a run holds the whole warehouse and a second one is refused (exit code 3). "
            "Allowed without it: hdfs://, abfs://, abfss://, a local folder. Nothing was started."
        )


def _refuse_log_stores(warehouse: str, allowed: str, conf: Mapping[str, str]) -> None:
    scheme = urlsplit(warehouse).scheme
    for key in (f"spark.delta.logStore.{scheme}.impl", "spark.delta.logStore.class"):
        if (found := conf.get(key)) in (None, allowed):
            continue
        why = (
            "The DynamoDB log store keeps some commits in a table that delta-rs, which makes the tables and writes the "
            "ledger, stopped reading with its version 1.0: it would commit over them. "
            if "DynamoDB" in str(found)
            else "Commits of another log store could be invisible to delta-rs, which makes the tables and writes the ledger. "
        )
        raise SettingsError(
            f"{key} is {found}. {why}Allowed on {scheme}://: {allowed}, the default. Leave the key out."
        )


def _refuse_hasty_creation(warehouse: str, conf: Mapping[str, str]) -> None:
    """With these S3A creates a file without a look whether there is one: the look that Delta's commits rely on."""
    bucket = urlsplit(warehouse).netloc
    for prefix in ("spark.hadoop.fs.s3a", f"spark.hadoop.fs.s3a.bucket.{bucket}"):
        flags = conf.get(f"{prefix}.performance.flags", "")
        if {flag.strip().lower() for flag in flags.split(",")} & {"create", "*"}:
            raise SettingsError(
                f"{prefix}.performance.flags is {flags}: with the flag create, S3A overwrites a file that it was told not "
                "to overwrite, and Delta's commits rest on that. Allowed: delete, mkdir, open. Leave create and * out."
            )
        if conf.get(f"{prefix}.create.performance", "false").lower() == "true":
            raise SettingsError(
                f"{prefix}.create.performance is true: with it S3A overwrites a file that it was told not to overwrite, "
                "and Delta's commits rest on that. Allowed: false, the default. Leave the key out."
            )


def _refuse_secrets(conf: Mapping[str, str]) -> None:
    for key in conf:
        bare = key.removeprefix("spark.hadoop.")
        of_bucket = bare.replace("fs.s3a.bucket.", "", 1)
        per_bucket = f"fs.s3a.{of_bucket.partition('.')[2]}" if bare != of_bucket else bare
        if per_bucket.startswith(_SECRETS):
            raise SettingsError(
                f"spark.conf holds {key}: a secret, which has no place in settings. Allowed: the environment's AWS_… or "
                "AZURE_… variables, a role of the machine, or Hadoop's credential providers (docs/object-stores.md)."
            )
