"""Makes what a cluster needs to run the jobs. See scripts/package.sh."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from archives import files_below, named_by_hash, zip_files
from environment import environment
from upload import UploadError, upload

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
JARS = Path(sys.prefix, "share", "repertoire", "jars")
PROFILES = ROOT / "conf" / "spark"


def wheel() -> Path:
    """`repertoire-HASH.zip`: the wheel, under a name that spark-submit's --py-files takes."""
    with tempfile.TemporaryDirectory(dir=DIST) as scratch:
        build = ["-q", "build", "-b", f"{scratch}/build", "egg_info", "-e", scratch]
        made = ["bdist_wheel", "-b", f"{scratch}/wheel", "-d", scratch]
        fixed = os.environ | {"SOURCE_DATE_EPOCH": "315532800"}
        command = [sys.executable, "setup.py", *build, *made]
        done = subprocess.run(command, cwd=ROOT, check=False, env=fixed, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"the wheel could not be built: {done.stderr[-2000:]}")
        built = next(Path(scratch).glob("*.whl"))
        (DIST / built.name).write_bytes(built.read_bytes())
        return named_by_hash(built, DIST, "repertoire", ".zip")


def spark_jars() -> Path:
    """`spark-jars-HASH.zip`: Spark's own jars, for spark.yarn.archive, so that they are not sent with every job."""
    import pyspark

    jars = sorted(Path(pyspark.__file__).with_name("jars").glob("*.jar"))
    key = DIST / ".spark-jars"
    known = "\n".join(f"{jar.name} {jar.stat().st_size}" for jar in jars)
    link = DIST / "spark-jars.zip"
    if not (link.exists() and key.is_file() and key.read_text(encoding="utf-8") == known):
        print(f"package: {len(jars)} jars of Spark {pyspark.__version__}", flush=True)
        zip_files([(jar, jar.name) for jar in jars], DIST, "spark-jars", compress=False)
        key.write_text(known, encoding="utf-8")
    return link.resolve()


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/package.sh", description=__doc__)
    parser.add_argument("--upload", nargs="?", const="hdfs:///apps/repertoire", metavar="FOLDER")
    arguments = parser.parse_args()
    DIST.mkdir(exist_ok=True)
    try:
        code, conf = wheel(), zip_files(files_below(ROOT / "conf"), DIST, "conf")
        packages = environment(ROOT, DIST)
        jars = spark_jars()
        made = [code, conf, packages, jars]
        if arguments.upload:
            _upload(arguments.upload.rstrip("/"), code, conf, packages, jars)
        else:
            for archive in made:
                print(f"package: {archive.relative_to(ROOT)}, {archive.stat().st_size / 1e6:,.1f} MB")
    except (UploadError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


def _upload(folder: str, code: Path, conf: Path, packages: Path, jars: Path) -> None:
    """Uploads all, and writes dist/spark/PROFILE.conf: the profiles, which name what was uploaded."""
    delta = sorted(JARS.glob("*.jar"))
    at = upload([code, conf, packages, jars, *delta], folder)
    uploaded = {
        "spark.submit.pyFiles": at[code],
        "spark.archives": f"{at[packages]}#.venv,{at[conf]}#conf",
        "spark.jars": ",".join(at[jar] for jar in delta),
    }
    for profile in ("yarn", "standalone", "kubernetes"):
        own = {"spark.yarn.archive": at[jars]} if profile == "yarn" else {}
        lines = [f"{name:41} {value}" for name, value in (uploaded | own).items()]
        file = DIST / "spark" / f"{profile}.conf"
        file.parent.mkdir(exist_ok=True)
        text = (PROFILES / file.name).read_text(encoding="utf-8")
        said = (
            f"# conf/spark/{file.name}, and where scripts/package.sh put what it names. The last line of a name counts."
        )
        file.write_text("\n".join([said, text, *lines, ""]), encoding="utf-8")
    print(f"package: spark-submit --properties-file dist/spark/yarn.conf jobs/STAGE.py … reads them from {folder}")


if __name__ == "__main__":
    sys.exit(main())
