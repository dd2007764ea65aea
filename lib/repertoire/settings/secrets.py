"""What of the settings must not be told: values under names of secrets, and passwords in URLs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_SECRET_NAME = re.compile(r"password|passwd|secret|token|credential|key", re.IGNORECASE)
_URL_USER = re.compile(r"(?<=://)[^/\s@:]+:[^\s@]*(?=@)")
_HIDDEN = "***"
_LEAST = 4  # shorter ones, such as true and 10, would be found in any text


def secret_values(tree: Mapping[str, Any]) -> frozenset[str]:
    """The values of a tree of settings whose path has the name of a secret in it, such as
    spark.conf."fs.s3a.secret.key"; as text."""
    return frozenset(value for value in _values(tree, secret=False) if len(value) >= _LEAST)


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text with *** in the place of each secret, and of user and password in a URL.

    >>> hide("s3a://ann:pw@bucket/log with hunter2", ["hunter2"])
    's3a://***@bucket/log with ***'
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return _URL_USER.sub(_HIDDEN, text)


def _values(value: Any, *, secret: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _values(one, secret=secret or bool(_SECRET_NAME.search(str(name))))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _values(one, secret=secret)
    elif secret and value is not None:
        yield str(value)
