#!/usr/bin/env bash
# Builds a bronze table and reads it with engines that are not ours: pyiceberg and ClickHouse.
# Needs Python 3.10 or newer; its packages go to a folder outside the repository.
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
