"""What of the settings must not be told."""

from repertoire.settings.secrets import hide, secret_values


def test_values_under_names_of_secrets_are_found_wherever_they_stand() -> None:
    tree = {
        "run": {"seed": 42, "log": "json"},
        "spark": {
            "conf": {
                "spark.hadoop.fs.s3a.secret.key": "s3cr3t-value",
                "spark.ssl.keyPassword": 12345678,
                "spark.executor.cores": "16384",
                "spark.authenticate.secret": "x",
            },
            "tokens": ["first-token", {"inner": "second-token"}],
        },
    }
    assert secret_values(tree) == {"s3cr3t-value", "12345678", "first-token", "second-token"}
    assert secret_values({"spark": None}) == frozenset()


def test_secrets_and_passwords_in_urls_are_hidden() -> None:
    assert hide("read abc-def and abc", ["abc", "abc-def"]) == "read *** and ***"
    assert hide("no s3a://id:p/w@bucket/x, hdfs://name:8020/path or a@b.c", []) == (
        "no s3a://id:p/w@bucket/x, hdfs://name:8020/path or a@b.c"
    ).replace("id:p/w", "***")
    assert hide("jdbc:postgresql://ann:pw@host/db", ()) == "jdbc:postgresql://***@host/db"
