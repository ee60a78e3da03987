"""A PyOD forest as a skops file: written so that equal forests give equal bytes, read back only if it is exactly that.

PyOD and skops are imported inside functions: operators import this package in Flink's workers, where importing PyOD
fails, and only the client ever needs it.
"""

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyod.models.iforest import IForest

#: Everything that a stored forest is made of (class, skops loader). skops itself trusts far more by default.
ALLOWED = frozenset({
    ("pyod.models.iforest.IForest", "ObjectNode"), ("sklearn.ensemble._iforest.IsolationForest", "ObjectNode"),
    ("sklearn.tree._classes.ExtraTreeRegressor", "ObjectNode"), ("sklearn.tree._tree.Tree", "TreeNode"),
    ("builtins.dict", "DictNode"), ("builtins.list", "ListNode"), ("builtins.tuple", "TupleNode"),
    ("builtins.str", "JsonNode"), ("builtins.str", "TypeNode"),
    ("numpy.ndarray", "NdArrayNode"), ("numpy.float64", "NdArrayNode"),
})  # fmt: skip
#: What skops must be told to trust beyond its defaults.
TRUSTED = ["pyod.models.iforest.IForest", "sklearn.tree._tree.Tree"]
#: Of skops 0.16: a file that names another one would choose other code to be read with.
PROTOCOL = 2
MOST_ENTRIES = 20_000
MOST_UNPACKED = 256 * 2**20
_KEYS = ("__module__", "__class__", "__loader__")


def packed(model: "IForest") -> bytes:
    """Write a forest as a skops file whose bytes depend on the forest alone.

    skops names objects by their memory address and zip files carry the time: both are replaced.
    """
    import skops.io

    names: dict[Any, int] = {}

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(part) for part in node]
        if not isinstance(node, dict):
            return node
        out = {key: renamed(part) for key, part in node.items()}
        if "__id__" in node:
            out["__id__"] = names.setdefault(node["__id__"], len(names))
        if "file" in node:
            out["file"] = f"{out['__id__']}.npy"
        return out

    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as old, zipfile.ZipFile(target, "w") as new:
        schema = renamed(json.loads(old.read("schema.json")))
        for entry in sorted(old.namelist(), key=lambda name: names.get(_number(name), -1)):
            number = _number(entry)
            body = json.dumps(schema).encode() if number is None else old.read(entry)
            info = zipfile.ZipInfo("schema.json" if number is None else f"{names[number]}.npy")
            new.writestr(info, body, compress_type=zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _number(entry: str) -> int | None:
    return None if entry == "schema.json" else int(entry.removesuffix(".npy"))


def unpacked(data: bytes) -> "IForest":
    """Read a forest from a skops file's bytes. Raises ValueError, or whatever zip and skops raise, if it is not one.

    skops is no sandbox: sizes and types are checked against our own limits before it builds anything.
    """
    import skops.io
    from pyod.models.iforest import IForest

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > MOST_UNPACKED:
            raise ValueError(f"more than {MOST_ENTRIES} parts or {MOST_UNPACKED} bytes when unpacked")
        schema = json.loads(archive.read("schema.json"))
        if schema["protocol"] != PROTOCOL:
            raise ValueError(f"written in protocol {schema['protocol']} of skops, expected {PROTOCOL}")
        _refuse_unknown(schema)
    model = skops.io.loads(data, trusted=TRUSTED)
    if not isinstance(model, IForest):
        raise ValueError(f"holds a {type(model).__name__}, not an isolation forest")
    return model


def _refuse_unknown(node: Any) -> None:
    parts = node if isinstance(node, list) else list(node.values()) if isinstance(node, dict) else []
    if isinstance(node, dict) and any(key in node for key in _KEYS):
        module, kind, loader = (str(node.get(key)) for key in _KEYS)
        if (f"{module}.{kind}", loader) not in ALLOWED:
            raise ValueError(f"type {module}.{kind} ({loader}) is not on the list of allowed types")
    for part in parts:
        _refuse_unknown(part)
