"""The configuration files of Hadoop's and Spark's daemons."""

from pathlib import Path
from xml.sax.saxutils import escape

from layout import HOST, Layout, host_of

NODE_MEMORY_MB = 7168  # each of two nodes; containers past their own share are killed, as on a real cluster
NODE_CORES = 4


def write_configuration(layout: Layout) -> Path:
    """Writes what a client of the cluster needs into its folder `conf` (the HADOOP_CONF_DIR), and a folder for each
    daemon that needs more than that. Gives the client's folder."""
    conf = layout.folder("conf")
    for name, properties in (("core", _core(layout)), ("hdfs", _hdfs(layout)), ("yarn", _yarn(layout))):
        _write_site(conf / f"{name}-site.xml", properties)
    _write_site(conf / "capacity-scheduler.xml", _scheduler())
    _write(conf / "log4j.properties", _LOG4J)
    for number in (1, 2):
        for name, site, properties in (
            (f"datanode{number}", "hdfs", _hdfs(layout) | _datanode(layout, f"datanode{number}")),
            (f"nodemanager{number}", "yarn", _yarn(layout) | _nodemanager(layout, f"nodemanager{number}")),
        ):
            own = layout.folder("conf", name)
            _write_site(own / f"{site}-site.xml", properties)
    return conf


def _core(layout: Layout) -> dict[str, object]:
    return {
        "fs.defaultFS": layout.filesystem,
        "hadoop.tmp.dir": layout.folder("data", "tmp"),
        "hadoop.security.token.service.use_ip": "true",
    }


def _hdfs(layout: Layout) -> dict[str, object]:
    return {
        "dfs.replication": 2,
        "dfs.namenode.name.dir": layout.folder("data", "namenode").as_uri(),
        "dfs.namenode.rpc-address": layout.at("namenode"),
        "dfs.namenode.http-address": layout.at("namenode_web"),
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        "dfs.namenode.safemode.extension": 0,
        "dfs.client.block.write.replace-datanode-on-failure.policy": "NEVER",  # there are no more than two
    }


def _datanode(layout: Layout, name: str) -> dict[str, object]:
    return {
        "dfs.datanode.data.dir": layout.folder("data", name).as_uri(),
        "dfs.datanode.address": layout.at(name),
        "dfs.datanode.ipc.address": layout.at(f"{name}_ipc"),
        "dfs.datanode.http.address": layout.at(f"{name}_web"),
        "dfs.datanode.hostname": HOST,
        "dfs.datanode.du.reserved": 0,
    }


def _yarn(layout: Layout) -> dict[str, object]:
    return {
        "yarn.resourcemanager.hostname": HOST,
        "yarn.resourcemanager.address": layout.at("resourcemanager"),
        "yarn.resourcemanager.scheduler.address": layout.at("resourcemanager_scheduler"),
        "yarn.resourcemanager.resource-tracker.address": layout.at("resourcemanager_tracker"),
        "yarn.resourcemanager.admin.address": layout.at("resourcemanager_admin"),
        "yarn.resourcemanager.webapp.address": layout.at("resourcemanager_web"),
        "yarn.scheduler.maximum-allocation-mb": NODE_MEMORY_MB,
        "yarn.scheduler.minimum-allocation-mb": 256,
        "yarn.log-aggregation-enable": "true",
        "yarn.nodemanager.remote-app-log-dir": "/yarn-logs",
    }


def _nodemanager(layout: Layout, name: str) -> dict[str, object]:
    return {
        "yarn.nodemanager.hostname": host_of(name),
        "yarn.nodemanager.address": layout.at(name),
        "yarn.nodemanager.localizer.address": layout.at(f"{name}_localizer"),
        "yarn.nodemanager.collector-service.address": layout.at(f"{name}_collector"),
        "yarn.nodemanager.webapp.address": layout.at(f"{name}_web"),
        "yarn.nodemanager.local-dirs": layout.folder("data", name),
        "yarn.nodemanager.log-dirs": layout.folder("logs", f"{name}-containers"),
        "yarn.nodemanager.resource.memory-mb": NODE_MEMORY_MB,
        "yarn.nodemanager.resource.cpu-vcores": NODE_CORES,
        "yarn.nodemanager.pmem-check-enabled": "true",
        "yarn.nodemanager.vmem-check-enabled": "false",
        "yarn.nodemanager.delete.debug-delay-sec": 0,
        "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": 99,
        "yarn.nodemanager.env-whitelist": "JAVA_HOME,HADOOP_CONF_DIR,SPARK_LOCAL_IP,PATH,LANG,TZ",
    }


def _scheduler() -> dict[str, object]:
    return {
        "yarn.scheduler.capacity.root.queues": "default",
        "yarn.scheduler.capacity.root.default.capacity": 100,
        "yarn.scheduler.capacity.root.default.state": "RUNNING",
        "yarn.scheduler.capacity.maximum-am-resource-percent": 0.6,
        "yarn.scheduler.capacity.resource-calculator": "org.apache.hadoop.yarn.util.resource.DominantResourceCalculator",
    }


def _write_site(file: Path, properties: dict[str, object]) -> None:
    lines = [
        f"  <property><name>{name}</name><value>{escape(str(value))}</value></property>"
        for name, value in properties.items()
    ]
    _write(file, "\n".join(['<?xml version="1.0"?>', "<configuration>", *lines, "</configuration>", ""]))


def _write(file: Path, text: str) -> None:
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


_LOG4J = """\
log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
"""
