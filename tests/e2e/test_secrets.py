"""Passwords and connections are in nothing that a run leaves, whether it reaches the database or not."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from kamkit.errors import EngagementError, without_secrets
from kamkit.execution.chain import run
from kamkit.model.engagement import load_engagement

SECRET = "geheim-4711"
ENGAGEMENT = """client: Muster GmbH
sources:
  transactions:
    connection: {connection}
    table: {table}
    columns: {{customer_id: kunde, posting_date: datum, net_revenue: umsatz}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for an engagement whose database lies in a folder that has the password for its name."""
    database = tmp_path / SECRET / "sales.duckdb"
    database.parent.mkdir()
    with duckdb.connect(str(database)) as con:
        con.execute(
            "CREATE TABLE lines AS SELECT 'K' || CAST(i % 7 AS VARCHAR) AS kunde, DATE '2024-01-01' + CAST(i * 7 AS INTEGER)"
            " AS datum, 10.5 + i AS umsatz FROM range(104) t(i)"
        )
    monkeypatch.setenv("KAMKIT_TEST_DB", f"duckdb://{database}")
    monkeypatch.setenv("KAMKIT_TEST_CLOSED", f"postgres://me:{SECRET}@127.0.0.1:1/x?token={SECRET}")
    (tmp_path / "client").mkdir()
    return tmp_path / "client"


def everything_in(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_bytes().decode("utf-8", "replace")
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("connection", "table", "state"),
    [
        ("${KAMKIT_TEST_DB}", "lines", "ok"),
        ("${KAMKIT_TEST_DB}", "invoices", "failed"),
        ("${KAMKIT_TEST_CLOSED}", "lines", "failed"),
        (f"postgres://me:{SECRET}@127.0.0.1:1/x?password={SECRET}", "lines", "failed"),
    ],
)
def test_a_run_holds_no_secret(connection: str, table: str, state: str, folder: Path) -> None:
    (folder / "engagement.yml").write_text(ENGAGEMENT.format(connection=connection, table=table), encoding="utf-8")
    outcome = run(folder, out=folder / "out", step="import")
    assert outcome.state == state
    left = everything_in(outcome.out)
    assert {"manifest.json", "run.log", "notebooks/01_import.ipynb"} <= set(left)
    assert [name for name, text in left.items() if SECRET in text] == []
    assert SECRET not in json.dumps(outcome.as_json()) + str(outcome.error) + repr(load_engagement(folder))


def test_a_connection_given_as_a_parameter_is_refused(folder: Path) -> None:
    (folder / "engagement.yml").write_text(ENGAGEMENT.format(connection="${X}", table="lines"), encoding="utf-8")
    for name, value in {
        "sources.transactions.connection": f"postgres://me:{SECRET}@host/x",
        "sources.transactions": {"connection": f"postgres://me:{SECRET}@host/x", "table": "lines"},
    }.items():
        with pytest.raises(EngagementError) as raised:
            run(folder, out=folder / "out", parameters={name: value})
        assert str(raised.value) == (
            f"parameters: 1 problem found\n- {name} holds a connection: a run keeps a record of its parameters: write it "
            "as ${NAME} and set the environment variable NAME"
        )


def test_a_wrong_place_of_the_connection_is_not_echoed(folder: Path) -> None:
    text = f"client: Muster\nsources:\n  transactions: postgres://me:{SECRET}@host/x\n"
    (folder / "engagement.yml").write_text(text, encoding="utf-8")
    with pytest.raises(EngagementError) as raised:
        load_engagement(folder)
    assert "not 'postgres://…@host/x'" in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot open mysql://root:p@ss:w0rd@db:3306/x", "cannot open mysql://…@db:3306/x"),
        ("{'connection': 'x', 'password': 'abc', 'table': 't'}", "{'connection': 'x', 'password': '…', 'table': 't'}"),
        ("Server=db;Pwd=abc;Database=x", "Server=db;Pwd=…;Database=x"),
        ("is protected by a password: save it without one", "is protected by a password: save it without one"),
        ("sales.csv: there is no such file", "sales.csv: there is no such file"),
    ],
)
def test_messages_lose_their_secrets_and_nothing_else(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
