"""Keying in Java: PyFlink's own `key_by` sends every row through Python, only to put its key in front."""

from collections.abc import Sequence

from pyflink.common import TypeInformation, Types
from pyflink.datastream import DataStream, KeyedStream, OutputTag
from pyflink.java_gateway import get_gateway


def keyed(rows: DataStream, value: TypeInformation) -> KeyedStream:
    """Key rows (key STRING, value) by their key; operators then see `value`, as they do behind `key_by`.

    This is the second half of PyFlink's `DataStream.key_by` (2.2): its `KeyByKeySelector` takes the first field. The
    rows must be of a plain RowTypeInfo: `to_append_stream` and side outputs give one, `to_data_stream` does not.
    """
    key = Types.ROW([Types.STRING()]).get_java_type_info()
    return KeyedStream(rows._j_data_stream.keyBy(get_gateway().jvm.KeyByKeySelector(), key), value, rows)


def lane(streams: Sequence[DataStream], tag: OutputTag) -> DataStream:
    """Unite a side output of several operators; unlike `get_side_output`, without an operator in Python for each."""
    java_tag = tag.get_java_output_tag()
    first, *others = (DataStream(stream._j_data_stream.getSideOutput(java_tag)) for stream in streams)
    return first.union(*others) if others else first
