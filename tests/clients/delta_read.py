"""Any engine's view of a table: delta-rs says which files count, DuckDB reads them. Nothing here is Plimsoll's.

Prints the rows of the given statement as a JSON array; the table is called `t` in it.
"""

import json
import sys

import duckdb
from deltalake import DeltaTable

folder, statement = sys.argv[1:]
files = DeltaTable(folder).file_uris()
connection = duckdb.connect()
connection.execute("SET TimeZone = 'UTC'")
connection.read_parquet(files).create_view("t")
answer = connection.execute(statement)
names = [column[0] for column in answer.description]
json.dump([dict(zip(names, row)) for row in answer.fetchall()], sys.stdout, default=str)
