"""A Keras model as a .keras file, without the time at which it was written: the same model is the same bytes."""

import json
import zipfile
from pathlib import Path
from typing import Any

_METADATA, _NO_TIME = "metadata.json", "1980-01-01"  # what a zip file's time begins with


def write_keras(model: Any, path: Path) -> None:
    timed = path.with_name(f"timed-{path.name}")
    model.save(timed)
    with zipfile.ZipFile(timed) as given, zipfile.ZipFile(path, "w") as kept:
        for name in given.namelist():
            content = given.read(name)
            if name == _METADATA:
                content = json.dumps(json.loads(content) | {"date_saved": f"{_NO_TIME}@00:00:00"}).encode()
            kept.writestr(zipfile.ZipInfo(name), content)
    timed.unlink()
