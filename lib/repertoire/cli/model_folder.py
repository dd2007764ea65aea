"""A model that a command learns for others to apply, as a folder: model.json, and the algorithm's own files beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repertoire.cli.out_table import replace_folder
from repertoire.errors import InputError

_NAME = "model.json"
_VERSION = 1


def check_model_out(folder: Path) -> None:
    """Raises InputError where writing a model would overwrite something else."""
    if folder.is_file():
        raise InputError(f"--model-out {folder} is a file; it takes the name of a folder. Nothing was written.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _NAME).is_file():
        raise InputError(
            f"--model-out {folder} is a folder that holds something else than a model. Nothing was written. "
            "Allowed: a name that is free, an empty folder, or a model of before."
        )


def write_model(folder: Path, draft: Path, kind: str, content: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Writes a model aside, then renames it into place.

    kind: the command that can apply it; draft: a free path on the same disk.
    """
    draft.mkdir()
    for name, data in files.items():
        (draft / name).write_bytes(data)
    head = {"kind": kind, "format": _VERSION, "files": sorted(files)}
    (draft / _NAME).write_text(json.dumps({**head, **content}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    replace_folder(draft, folder)


def read_model(folder: Path, kind: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The content and the files of a model. Raises InputError for a folder that holds no whole model of that kind."""
    try:
        content = json.loads((folder / _NAME).read_text(encoding="utf-8"))
        found, version = content["kind"], content["format"]
        if found != kind or version != _VERSION:
            raise InputError(
                f"--model {folder} holds a model of `repertoire {found}` in format {version}; `repertoire {kind}` reads its own "
                f"in format {_VERSION}. Fit it again."
            )
        return content, {name: (folder / name).read_bytes() for name in content["files"]}
    except FileNotFoundError as error:
        raise InputError(
            f"--model {folder}: there is no {Path(error.filename).name}, so no whole model. Allowed: a folder that "
            f"`repertoire {kind} fit --model-out` wrote."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"--model {folder} cannot be read: {type(error).__name__}: {error}") from None
