"""Settings of the Spark session."""

from pydantic import Field

from repertoire.settings.section import Section


class SparkSettings(Section):
    """The session that Repertoire starts. Under spark-submit, what that was given wins."""

    master: str = Field("local[*]", description="Spark master; ignored under spark-submit")
    driver_memory: str = Field("4g", description="heap of the driver; ignored under spark-submit")
    java_options: str = Field("", description="options of the driver's JVM; ignored under spark-submit")
    shuffle_partitions: int = Field(8, ge=1, description="partitions of a shuffle")
    scratch: str = Field("", description="folder for checkpoints; empty: a folder of the warehouse")
    conf: dict[str, str] = Field({}, description="any other Spark configuration, key: value")
