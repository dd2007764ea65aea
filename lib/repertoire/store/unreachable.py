"""What to say of an object store that does not answer, or not with what was asked for."""

import re

from repertoire.errors import RepertoireError

_ORNAMENT = re.compile(r"\x1b\[[0-9;]*m|↳")
_REPLY = re.compile(r"<Code>(.*?)</Code>(?:.*?<Message>(.*?)</Message>)?", re.DOTALL)


def unreachable(path: str, error: Exception) -> RepertoireError:
    """The error to raise in place of a client's own, which shows a whole chain of causes."""
    return RepertoireError(
        f"{path} cannot be read or written: {_cause(str(error))}. The environment says where the store is and who asks: "
        "AWS_… for s3a://, AZURE_… for abfs:// (docs/object-stores.md)."
    )


def _cause(text: str) -> str:
    """What the store replied, where it did; else how the client words it, without its list of what it tried."""
    if reply := _REPLY.search(text):
        return ": ".join(part.strip(" .") for part in reply.groups() if part)
    plain = _ORNAMENT.sub("", text).split("Debug source", 1)[0]
    return " ".join(plain.split())[:400].rstrip(" .")
