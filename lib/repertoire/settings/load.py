"""Reads settings: typed defaults, conf/base, the overlay of an environment, then `--set` on the command line."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from repertoire.errors import SettingsError, unknown_name
from repertoire.settings.tree import Settings

Tree = dict[str, Any]


def load_settings(
    *,
    env: str | None = None,
    overrides: Iterable[str] = (),
    conf: Path | None = None,
    values: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings for an environment.

    env: name of an overlay in the conf folder (`local` for conf/local.yaml), or several with commas between, of which the
    last one wins; None reads no overlay.
    overrides: texts like `features.half_life_days=90`; the right side is YAML. The last one wins.
    conf: the conf folder; by default $REPERTOIRE_CONF, ./conf, or the one beside the source tree.
    values: a tree that is applied before the overrides.

    Raises SettingsError with the path of the setting, the value, what is allowed and the nearest known name.
    """
    try:
        return Settings.model_validate(read_tree(env=env, overrides=overrides, conf=conf, values=values))
    except ValidationError as error:
        raise SettingsError(explain(error)) from None


def read_tree(
    *,
    env: str | None = None,
    overrides: Iterable[str] = (),
    conf: Path | None = None,
    values: Mapping[str, Any] | None = None,
) -> Tree:
    """What was written of the settings, put together and not checked yet; see `load_settings` for the arguments.

    Raises SettingsError for what cannot be read.
    """
    folder = conf or _conf_folder()
    tree: Tree = {}
    if folder:
        for file in sorted((folder / "base").glob("*.yaml")):
            _merge(tree, _read_yaml(file), str(file))
    for name in [] if env is None else env.split(","):
        _merge(tree, _read_overlay(folder, name.strip()), f"overlay {name}")
    _merge(tree, dict(values or {}), "arguments")
    for text in overrides:
        _merge(tree, _parse_override(text), f"--set {text}")
    return tree


def explain(error: ValidationError) -> str:
    """One line a mistake: the setting's path, what is wrong, the value."""
    lines = []
    for mistake in error.errors():
        path = ".".join(str(part) for part in mistake["loc"])
        if mistake["type"] == "extra_forbidden":
            lines.append(_unknown_key(mistake["loc"]))
        else:
            received = "" if isinstance(mistake["input"], dict) else f" (received {mistake['input']!r})"
            message = mistake["msg"].removeprefix("Value error, ")
            lines.append(f"setting {path}: {message}{received}" if path else f"settings: {message}")
    return "\n".join(lines)


def _unknown_key(location: tuple[int | str, ...]) -> str:
    model: type[BaseModel] = Settings
    for part in location[:-1]:
        annotation = model.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    prefix = ".".join(str(part) for part in location[:-1])
    known = [f"{prefix}.{name}" if prefix else name for name in model.model_fields]
    return unknown_name("setting", ".".join(str(part) for part in location), known)


def _conf_folder() -> Path | None:
    if named := os.environ.get("REPERTOIRE_CONF"):
        if not Path(named).is_dir():
            raise SettingsError(f'REPERTOIRE_CONF names "{named}", which is no folder')
        return Path(named)
    for folder in (Path("conf"), Path(__file__).resolve().parents[3] / "conf"):
        if (folder / "base").is_dir():
            return folder
    return None


def _read_overlay(folder: Path | None, env: str) -> Tree:
    file = folder / f"{env}.yaml" if folder else None
    if file is None or not file.is_file():
        known = [path.stem for path in folder.glob("*.yaml")] if folder else []
        raise SettingsError(unknown_name("environment", env, known) + f" (overlays are looked for in {folder})")
    return _read_yaml(file)


def _read_yaml(file: Path) -> Tree:
    try:
        tree = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise SettingsError(f"{file} is not YAML: {error}") from None
    if not isinstance(tree, dict):
        raise SettingsError(f"{file}: expected sections of settings, found {type(tree).__name__}")
    return tree


def _parse_override(text: str) -> Tree:
    path, equals, value = text.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise SettingsError(f'--set takes section.key=value, received "{text}"')
    try:
        tree: Any = yaml.safe_load(value) if value else ""
    except yaml.YAMLError as error:
        raise SettingsError(f"--set {text}: the value is not YAML: {error}") from None
    for key in reversed(keys):
        tree = {key: tree}
    return tree


def _merge(tree: Tree, more: Mapping[str, Any], origin: str) -> None:
    """Lays `more` over `tree`, section by section; a dict setting is merged by key."""
    for key, value in more.items():
        if isinstance(tree.get(key), dict):
            if not isinstance(value, Mapping):
                raise SettingsError(f"{origin}: {key} is a section, received {value!r}")
            _merge(tree[key], value, origin)
        else:
            tree[key] = dict(value) if isinstance(value, Mapping) else value
