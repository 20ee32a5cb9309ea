"""Reads a table that got a column with Spark: old files have null there, a past snapshot no such column. Arguments:
what build-evolved.ts tells, the jars."""
import json
import pathlib
import sys

from pyspark.sql import SparkSession

expected = json.load(open(sys.argv[1]))
directory, field = expected["directory"], expected["field"]
jars = ",".join(str(jar) for jar in sorted(pathlib.Path(sys.argv[2]).glob("*.jar")))
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.jars", jars)
    .config("spark.ui.enabled", "false")
    .config("spark.sql.catalog.paceline", "org.apache.iceberg.spark.SparkCatalog")
    .config("spark.sql.catalog.paceline.type", "jdbc")
    .config("spark.sql.catalog.paceline.uri", f"jdbc:sqlite:{directory}/catalog.sqlite")
    .config("spark.sql.catalog.paceline.jdbc.schema-version", "V1")
    .config("spark.sql.catalog.paceline.warehouse", f"file://{directory}/lake")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
want = sorted((row["partition"], row["offset"], row["value"] or "") for row in expected["rows"])
found = spark.sql(f"SELECT partition, log_offset, coalesce({field}, '') FROM paceline.silver.impressions").collect()
assert sorted(tuple(row) for row in found) == want, f"spark: {len(found)} rows, {len(want)} expected"
past = spark.sql(f"SELECT * FROM paceline.silver.impressions VERSION AS OF {expected['firstSnapshot']}")
assert field not in past.columns, past.columns
assert past.count() == sum(row["is_old"] for row in expected["rows"])
spark.stop()
print(f"spark: {len(want)} impressions, null where a file is older than {field}")
