"""Reads our bronze table with pyiceberg, through our own catalog file, and compares it with the log."""
import base64
import json
import sys

import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual

folder = sys.argv[1]
expected = {(e["partition"], e["offset"]): e for e in json.load(open(f"{folder}/expected.json"))}
catalog = SqlCatalog("paceline", uri=f"sqlite:///{folder}/catalog.sqlite", init_catalog_tables="false")
assert catalog.list_tables("bronze") == [("bronze", "events")], catalog.list_tables("bronze")
table = catalog.load_table("bronze.events")

rows = table.scan().to_arrow().to_pylist()
seen = {}
for row in rows:
    at = (row["partition"], row["log_offset"])
    assert at not in seen, f"{at} is there twice"
    seen[at] = row
assert seen.keys() == expected.keys(), f"{len(seen)} of {len(expected)} records"
for at, row in seen.items():
    want = expected[at]
    assert row["value"] == base64.b64decode(want["value"]), f"value of {at}"
    assert row["key"] == (None if want["key"] is None else base64.b64decode(want["key"])), f"key of {at}"
    assert row["org_id"] == want["org"], f"org of {at}: {row['org_id']}"
    time = row["log_time"] if want["day"] is None else row["event_time"]
    assert row["event_time"].timestamp() // 86400 == (time.timestamp() // 86400 if want["day"] is None else want["day"])

every = list(table.scan().plan_files())
one = And(EqualTo("org_id", "b.org:eu"), GreaterThanOrEqual("event_time", "2026-03-02T00:00:00+00:00"))
pruned = list(table.scan(row_filter=one).plan_files())
assert 0 < len(pruned) < len(every), f"no pruning: {len(pruned)} of {len(every)} files"
want = [e for e in expected.values() if e["org"] == "b.org:eu" and e["day"] >= 20514]
assert table.scan(row_filter=one).to_arrow().num_rows == len(want), "filtered rows"

ids = {field.name: field.field_id for field in table.schema().fields}
for task in every:
    schema = pq.read_schema(task.file.file_path.removeprefix("file://"))
    assert {f.name: int(f.metadata[b"PARQUET:field_id"]) for f in schema} == ids, "field ids"
    assert task.file.file_size_in_bytes > 0 and task.file.record_count > 0
snapshots = table.metadata.snapshots
summary = json.loads(snapshots[-1].summary.additional_properties["paceline.offsets"])
assert summary == json.loads(table.properties["paceline.offsets"]), "offsets"
assert sum(summary["next"].values()) == len(expected), "offsets add up"
assert len(table.inspect.partitions()) > 5
assert len(table.inspect.files()) == len(every)
print(f"pyiceberg: {len(rows)} records in {len(every)} files, {len(snapshots)} snapshots; filter read {len(pruned)} files")
