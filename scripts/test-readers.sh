#!/usr/bin/env bash
# Builds a bronze table and reads it with engines that are not ours: pyiceberg and ClickHouse. Reads the
# embedded ClickHouse with two versions of its JDBC driver, and calls the API as its OpenAPI document allows, and by gRPC. Needs Python 3.10 or newer, Java 17 and Maven;
# their packages go to folders outside the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"

if ! command -v python3 >/dev/null; then
  echo "test:readers: python3 is missing, so NOTHING was checked. Install Python 3.10 or newer." >&2
  exit 1
fi
venv="${PACELINE_READERS_VENV:-${TMPDIR:-/tmp}/paceline-readers-venv}"
if ! cmp -s test/readers/requirements.txt "$venv/installed.txt"; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r test/readers/requirements.txt
  cp test/readers/requirements.txt "$venv/installed.txt"
fi
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
node test/readers/build-table.ts "$scratch"
"$venv/bin/python" test/readers/read_table.py "$scratch"
node test/readers/read-with-chdb.ts "$scratch"
echo "test:readers: both readers see every record once, with its bytes"
if command -v mvn >/dev/null && command -v java >/dev/null; then
  spark="${PACELINE_SPARK_VENV:-${TMPDIR:-/tmp}/paceline-spark-venv}"
  if ! cmp -s test/readers/spark/requirements.txt "$spark/installed.txt"; then
    python3 -m venv "$spark"
    "$spark/bin/pip" install --quiet --disable-pip-version-check -r test/readers/spark/requirements.txt
    cp test/readers/spark/requirements.txt "$spark/installed.txt"
  fi
  if ! cmp -s test/readers/spark/pom.xml "$spark/jars/installed.xml"; then
    mvn -q -B -f test/readers/spark/pom.xml dependency:copy-dependencies "-DoutputDirectory=$spark/jars"
    cp test/readers/spark/pom.xml "$spark/jars/installed.xml"
  fi
  node --disable-warning=ExperimentalWarning test/readers/build-silver.ts "$scratch/spark.json"
  "$spark/bin/python" test/readers/spark/run_jobs.py "$scratch/spark.json" "$spark/jars"
  echo "test:readers: Spark's jobs give what the embedded way gives, row for row"
  node --disable-warning=ExperimentalWarning test/readers/build-evolved.ts "$scratch/evolved.json"
  "$spark/bin/python" test/readers/spark/read_evolved.py "$scratch/evolved.json" "$spark/jars"
else
  echo "test:readers: java or mvn is missing, so the jobs of deploy/spark/ were NOT run." >&2
fi
node --disable-warning=ExperimentalWarning test/readers/build-silver.ts "$scratch/silver.json"
"$venv/bin/python" test/readers/read_silver.py "$scratch/silver.json"
echo "test:readers: pyiceberg reads silver, every event once, and DuckDB its corrections"
[ -e "$scratch/evolved.json" ] || node --disable-warning=ExperimentalWarning test/readers/build-evolved.ts "$scratch/evolved.json"
"$venv/bin/python" test/readers/read_evolved.py "$scratch/evolved.json"
rm -rf "$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).directory' "$scratch/evolved.json")"

node --disable-warning=ExperimentalWarning test/readers/fuzz-api.ts "$venv/bin/schemathesis"
echo "test:readers: schemathesis finds no answer of the API that its document does not promise, and no failure behind GraphQL"

node --disable-warning=ExperimentalWarning test/readers/call-grpc.ts "$venv/bin/python"
echo "test:readers: grpcio and buf curl speak to the API by its compiled contracts alone, in clear text and over TLS"

if ! command -v javac >/dev/null || ! command -v mvn >/dev/null; then
  echo "test:readers: javac or mvn is missing, so the JDBC driver was NOT checked." >&2
  exit 1
fi
javac -d "$scratch/classes" test/readers/jdbc/ReadTables.java
for version in 0.9.8 0.8.6; do
  jars="${PACELINE_READERS_JARS:-${TMPDIR:-/tmp}/paceline-readers-jars}/$version"
  if [ ! -e "$jars/installed" ]; then
    mvn -q -B -f test/readers/jdbc/pom.xml "-Dclickhouse.version=$version" \
      dependency:copy-dependencies "-DoutputDirectory=$jars"
    touch "$jars/installed"
  fi
  node --disable-warning=ExperimentalWarning test/readers/read-with-jdbc.ts "$jars/*:$scratch/classes"
  echo "test:readers: clickhouse-jdbc $version reads the embedded ClickHouse"
done
