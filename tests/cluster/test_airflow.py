"""The DAG on the cluster: every stage in YARN's cluster mode, logs and tables on HDFS."""

from pathlib import Path

from repertoire.store import Warehouse
from tests.cluster.conftest import DAYS, SMALL, YARN_CLUSTER, Cluster, as_local, job_of
from tests.pipeline.airflow_home import AirflowHome


def test_a_date_by_airflow_and_one_by_hand_give_the_tables_of_local_mode(
    cluster: Cluster, hdfs: str, shop: list[str], local: Warehouse, tmp_path: Path
) -> None:
    assert cluster.run("package.sh", "--upload").returncode == 0
    cluster.hadoop("-touchz", f"{hdfs}/shop/_SUCCESS")
    first, second = DAYS
    warehouse = f"{hdfs}/warehouse-airflow"
    home = AirflowHome(
        tmp_path / "airflow",
        env="cluster",
        set=[*shop, f"run.warehouse={warehouse}"],
        logs={"paths": [f"{hdfs}/shop"], "poke_seconds": 1},
        spark={
            "master": "yarn",
            "deploy_mode": "cluster",
            "properties_file": "dist/spark/yarn.conf",
            "conf": dict(text.split("=", 1) for text in SMALL),
            "environment": {name: cluster.environment[name] for name in ("HADOOP_CONF_DIR", "SPARK_LOCAL_IP")},
        },
    )
    home.call("test", first.isoformat())
    done = cluster.submit("run_pipeline", *YARN_CLUSTER, *job_of(second, shop, warehouse))
    assert done.returncode == 0, done.stdout[-5000:]
    as_local(warehouse, local)
