"""Where a warehouse may lie, and who may write there: the rule as a table."""

import pytest

from repertoire.errors import SettingsError
from repertoire.store.file_systems import file_system, refuse_unsafe_writing

S3 = "s3a://bucket/warehouse"
AZURE = "abfss://container@account.dfs.core.windows.net/warehouse"
DYNAMO = "io.delta.storage.S3DynamoDBLogStore"


def ask(warehouse: str, conf: dict[str, str] | None = None, *, alone: bool = False) -> None:
    refuse_unsafe_writing(warehouse, single_writer=alone, spark_conf=conf or {}, settings_conf=conf or {})


@pytest.mark.parametrize(
    ("warehouse", "alone", "conf"),
    [
        ("warehouse", False, {}),
        ("file:///warehouse", False, {}),
        ("hdfs://host:9000/warehouse", False, {}),
        (AZURE, False, {}),
        (AZURE.replace("abfss", "abfs"), False, {}),
        (AZURE, True, {"spark.delta.logStore.abfss.impl": "io.delta.storage.AzureLogStore"}),
        (S3, True, {}),
        (S3, True, {"spark.delta.logStore.s3a.impl": "io.delta.storage.S3SingleDriverLogStore"}),
        (S3, True, {"spark.hadoop.fs.s3a.performance.flags": "delete,mkdir"}),
        (S3, True, {"spark.hadoop.fs.s3a.bucket.other.performance.flags": "*"}),
        (S3, True, {"spark.hadoop.fs.s3a.endpoint": "https://s3.example"}),
        ("hdfs:///warehouse", False, {"spark.delta.logStore.class": "theirs"}),
    ],
)
def test_these_are_safe(warehouse: str, alone: bool, conf: dict[str, str]) -> None:
    ask(warehouse, conf, alone=alone)


@pytest.mark.parametrize(
    ("warehouse", "conf", "said"),
    [
        (S3, {}, "run.single_writer=true"),
        (S3, {"spark.delta.logStore.s3a.impl": DYNAMO}, "delta-rs.*stopped reading with its version 1.0"),
        (S3, {"spark.delta.logStore.class": DYNAMO}, "spark.delta.logStore.class is"),
        (AZURE, {"spark.delta.logStore.abfss.impl": "mine"}, "Allowed on abfss://: io.delta.storage.AzureLogStore"),
        (S3, {"spark.hadoop.fs.s3a.performance.flags": "mkdir, Create"}, "Leave create and \\* out"),
        (S3, {"spark.hadoop.fs.s3a.bucket.bucket.performance.flags": "*"}, "Leave create and \\* out"),
        (S3, {"spark.hadoop.fs.s3a.create.performance": "true"}, "create.performance is true"),
        (S3, {"spark.hadoop.fs.s3a.secret.key": "hunter2"}, "a secret, which has no place in settings"),
        (S3, {"spark.hadoop.fs.s3a.bucket.bucket.access.key": "hunter2"}, "a secret"),
        (AZURE, {"spark.hadoop.fs.azure.account.key.account.dfs.core.windows.net": "hunter2"}, "a secret"),
    ],
)
def test_these_are_refused(warehouse: str, conf: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refusal:
        ask(warehouse, conf, alone=bool(conf))
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("gs://bucket/warehouse", "cannot lie on gs://. Allowed: a local folder, hdfs://, s3a:// and abfs://"),
        ("oss://bucket/warehouse", "cannot lie on oss://"),
        ("wasbs://c@a.blob.core.windows.net/x", "write abfss:// for the same container"),
        ("s3://bucket/warehouse", "Write s3a:// for it"),
        ("s3a://key:hunter2@bucket/warehouse", "Write s3a://bucket/warehouse and keep the key"),
        ("s3a://key@bucket/warehouse", "Write s3a://bucket/warehouse"),
        ("hdfs://[name/warehouse", "run.warehouse is hdfs://[name/warehouse: that is neither a path nor a URL"),
    ],
)
def test_other_file_systems_are_refused_by_name(path: str, said: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        file_system(path)
    assert said in str(refusal.value)
    assert refusal.value.exit_code == 2
