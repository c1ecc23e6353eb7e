"""An opened engagement: settings checked at once, steps computed once, results rewritten, nothing of another project used."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

import kamkit
from kamkit.errors import EngagementError
from kamkit.execution import project as module
from kamkit.execution.project import Project, open_project
from kamkit.execution.settings import period_of, runs_of, today_from, work_of
from kamkit.intake.input_sheets import HEADING_ROW
from kamkit.intake.input_writing import refresh_inputs
from kamkit.model.codes import Basis, Level

CSV = "Kunde;Datum;Umsatz\n" + "".join(
    f"{k:04d};{m:02d}.0{k}.2025;{k * 100},50\n" for k in range(1, 7) for m in range(1, 7)
)
ENGAGEMENT = (
    "client: Muster GmbH\nperiod: {start: 2025-01-01, end: 2025-12-31}\nsources:\n  transactions:\n"
    "    path: raw/sales.csv\n    columns: {customer_id: Kunde, posting_date: Datum, net_revenue: Umsatz}\n"
)


@pytest.fixture
def engagement(tmp_path: Path) -> Path:
    folder = tmp_path / "client"
    (folder / "raw").mkdir(parents=True)
    (folder / "raw" / "sales.csv").write_text(CSV, encoding="utf-8")
    (folder / "engagement.yml").write_text(ENGAGEMENT, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An engagement whose key accounts are computed already."""
    folder = tmp_path_factory.mktemp("known") / "client"
    (folder / "raw").mkdir(parents=True)
    (folder / "raw" / "sales.csv").write_text(CSV, encoding="utf-8")
    (folder / "engagement.yml").write_text(ENGAGEMENT, encoding="utf-8")
    open_project(folder).key_accounts  # noqa: B018
    return folder


@pytest.fixture
def current(known: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(known, tmp_path / "client"))


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that are computed, in order."""
    seen: list[str] = []
    original = Project._compute

    def noting(self: Project, step: str) -> Any:
        seen.append(step)
        return original(self, step)

    monkeypatch.setattr(Project, "_compute", noting)
    return seen


def test_steps_are_computed_once_and_then_loaded(engagement: Path, computed: list[str]) -> None:
    first = open_project(engagement)
    assert first.key_accounts.pareto.n_accounts == 6
    assert first.key_accounts is first.key_accounts
    assert computed == ["key_accounts", "facts", "import"] or sorted(computed) == ["facts", "import", "key_accounts"]
    computed.clear()
    second = open_project(engagement)
    pd.testing.assert_frame_equal(second.key_accounts.pareto.table, first.key_accounts.pareto.table)
    assert second.imported.findings == first.imported.findings
    assert computed == []


def test_every_step_survives_the_disk(engagement: Path) -> None:
    """The results as they really are come back equal: what a later notebook loads is what an earlier one had."""
    first, second = open_project(engagement), open_project(engagement)
    for step in ("imported", "facts", "key_accounts", "kam_types", "options"):
        getattr(first, step)
        assert second.known(type(getattr(first, step))) is not None, step


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({"language": "en"}, []),
        ({"threshold": 0.5}, ["key_accounts"]),
        ({"basis": "revenue"}, []),
        ({"level": "customer"}, ["facts", "import", "key_accounts"]),
        ({"period": "2025-01-01/2025-03-31"}, ["facts", "import", "key_accounts"]),
        ({"today": "2026-01-01"}, []),
    ],
)
def test_a_setting_makes_stale_what_depends_on_it(
    current: Path, computed: list[str], change: dict[str, Any], stale: list[str]
) -> None:
    open_project(current, **change).key_accounts  # noqa: B018
    assert sorted(computed) == stale


def test_an_answer_makes_the_facts_stale_and_imports_nothing_again(current: Path, computed: list[str]) -> None:
    assert "figures" not in open_project(current).facts.tables
    refresh_inputs(current / "inputs.xlsx", "de")
    open_project(current).key_accounts  # noqa: B018
    assert computed == []
    book = openpyxl.load_workbook(current / "inputs.xlsx")
    book["Kennzahlen"].cell(HEADING_ROW + 1, 3, 250000)
    book["Kennzahlen"].cell(HEADING_ROW + 1, 4, "Leitung, Tel. 089/1234567")
    book.save(current / "inputs.xlsx")
    answered = open_project(current)
    answered.key_accounts  # noqa: B018
    assert sorted(computed) == ["facts", "key_accounts"]
    assert answered.facts.tables["figures"].to_numpy().tolist() == [
        ["fixed_costs", 250000.0, "Leitung, Tel. […]", pd.NaT]
    ]


def test_changed_data_make_everything_stale(current: Path, computed: list[str]) -> None:
    (current / "raw" / "sales.csv").write_text(CSV + "0009;01.01.2025;5,00\n", encoding="utf-8")
    assert open_project(current).key_accounts.pareto.n_accounts == 7
    assert sorted(computed) == ["facts", "import", "key_accounts"]


def test_a_touched_file_with_the_same_content_changes_nothing(current: Path, computed: list[str]) -> None:
    os.utime(current / "raw" / "sales.csv", (1, 1))
    (current / "engagement.yml").write_text("# a remark\n" + ENGAGEMENT, encoding="utf-8")
    open_project(current).key_accounts  # noqa: B018
    assert computed == []


def test_lost_tables_are_made_again(engagement: Path) -> None:
    open_project(engagement).facts  # noqa: B018
    (engagement / "work" / "tables" / "transactions.parquet").unlink()
    assert len(open_project(engagement).transactions()) == 36


def test_transactions_are_capped_and_plain(engagement: Path) -> None:
    project = open_project(engagement)
    frame = project.transactions(limit=5)
    assert len(frame) == 5
    assert len(project.transactions(limit=0)) == 0
    assert frame["customer_id"].tolist()[0].startswith("000")
    assert frame["net_revenue"].dtype == "float64"
    assert frame["posting_date"].dtype.kind == "M"


def test_save_writes_the_result_files_and_names_them(engagement: Path) -> None:
    project = open_project(engagement)
    saved = project.save(project.key_accounts)
    names = [path.name for path in saved.files]
    assert {"import.json", "summary.json", "accounts.csv"} <= set(names)
    assert repr(saved) == "\n".join(names)
    assert str(engagement) not in saved._repr_html_()
    folder = engagement / "work" / "results"
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["n_accounts"] == 6
    assert summary["revenue_total"] == 12618.0
    raw = (folder / "accounts.csv").read_bytes()
    assert b"\r" not in raw
    assert raw.startswith(b"account_id,name,revenue,share,cumulative_share,rank,is_key_account,tier,abc_class")
    rows = pd.read_csv(folder / "accounts.csv", dtype={"account_id": "string"})
    assert rows["account_id"].tolist()[0] == "0006"
    assert rows["revenue"].tolist()[0] == 3603.0
    assert rows["share"].tolist()[0] == 3603.0 / 12618.0
    assert rows["rank"].tolist() == [1, 2, 3, 4, 5, 6]


def test_an_analysts_own_result_counts_and_later_ones_are_taken_away(engagement: Path) -> None:
    project = open_project(engagement)
    project.save(project.kam_types)
    changed = open_project(engagement, threshold=0.5)
    names = [path.name for path in changed.save(changed.key_accounts).files]
    assert "existence.json" not in names
    assert not (engagement / "work" / "results" / "existence.json").exists()


def test_only_results_of_steps_can_be_saved(engagement: Path) -> None:
    with pytest.raises(TypeError) as caught:
        open_project(engagement).save({"a": 1})
    assert str(caught.value) == ("dict is not the result of a step: import, facts, key_accounts, kam_types, options")


def test_parameters_replace_settings(engagement: Path) -> None:
    project = open_project(
        engagement, "en", threshold=0.5, basis="margin", level="customer", period="2025-04-01/2025-12-31"
    )
    settings = project.engagement
    assert (settings.pareto.threshold, settings.pareto.basis, settings.pareto.level) == (
        0.5,
        Basis.MARGIN,
        Level.CUSTOMER,
    )
    assert settings.period is not None
    assert settings.period.start == dt.date(2025, 4, 1)
    assert (project.labels.language, str(project.labels.locale)) == ("en", "en_GB")


def test_a_locale_stays_with_its_language(engagement: Path) -> None:
    (engagement / "engagement.yml").write_text(ENGAGEMENT + "locale: de_CH\n", encoding="utf-8")
    assert str(open_project(engagement, "de").labels.locale) == "de_CH"
    assert str(open_project(engagement, "en").labels.locale) == "en_GB"


@pytest.mark.parametrize(
    ("parameters", "problems"),
    [
        ({"threshold": "0,8"}, ["threshold: '0,8' is not a number above 0 and up to 1, such as 0.8"]),
        ({"threshold": 80}, ["threshold: 80 is not a number above 0 and up to 1, such as 0.8"]),
        ({"threshold": True}, ["threshold: True is not a number above 0 and up to 1, such as 0.8"]),
        (
            {"basis": "revenu", "level": "groups"},
            [
                "basis: 'revenu' is none of revenue, margin, potential. Did you mean 'revenue'?",
                "level: 'groups' is none of group, customer. Did you mean 'group'?",
            ],
        ),
        ({"language": "fr"}, ["language: 'fr' is none of de, en."]),
        ({"today": "31.01.2026"}, ["today: '31.01.2026' is not a date such as 2026-01-31"]),
    ],
)
def test_wrong_parameters_are_told_together(engagement: Path, parameters: dict[str, Any], problems: list[str]) -> None:
    with pytest.raises(EngagementError) as caught:
        open_project(engagement, **parameters)
    assert (caught.value.where, list(caught.value.problems)) == ("parameters", problems)


def test_a_period_that_is_none_is_told(engagement: Path) -> None:
    with pytest.raises(EngagementError, match=r"period.start: .* not 'soon'"):
        open_project(engagement, period="soon")


@pytest.mark.parametrize(
    ("text", "start_month", "period"),
    [
        ("2025", 1, {"start": dt.date(2025, 1, 1), "end": dt.date(2025, 12, 31)}),
        (2025, 4, {"start": dt.date(2024, 4, 1), "end": dt.date(2025, 3, 31)}),
        ("2025-01-01/2025-06-30", 1, {"start": "2025-01-01", "end": "2025-06-30"}),
    ],
)
def test_ways_to_write_a_period(text: Any, start_month: int, period: dict[str, Any]) -> None:
    assert period_of(text, start_month) == period


def test_a_run_may_replace_settings_for_its_notebooks(engagement: Path, tmp_path: Path) -> None:
    work = tmp_path / "scratch"
    work.mkdir()
    told = {"settings": {"pareto.threshold": 0.6, "capacity.accounts": 3}, "today": "2026-02-03"}
    (work / "settings.json").write_text(json.dumps(told), encoding="utf-8")
    project = open_project(engagement, work=work)
    assert (project.engagement.pareto.threshold, project.engagement.capacity.accounts) == (0.6, 3)
    assert project.today == dt.date(2026, 2, 3)
    assert open_project(engagement, work=work, threshold=0.7).engagement.pareto.threshold == 0.7


def test_work_lies_beside_the_engagement_and_never_in_the_kit(
    engagement: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_project(engagement / "engagement.yml").work == engagement / "work"
    assert open_project("machinery").work == tmp_path / "work" / "machinery"
    assert runs_of(engagement / "engagement.yml") == engagement / "runs"
    assert work_of(engagement / "engagement.yml") == engagement / "work"


def test_today_comes_from_source_date_epoch_if_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1735689600")
    assert today_from(None) == dt.date(2025, 1, 1)
    assert today_from("2026-01-31") == dt.date(2026, 1, 31)


def test_the_seed_is_the_same_everywhere_and_differs_between_clients(engagement: Path, tmp_path: Path) -> None:
    seed = open_project(engagement).seed
    assert seed == open_project(engagement, work=tmp_path / "elsewhere").seed
    (engagement / "engagement.yml").write_text(ENGAGEMENT.replace("Muster", "Master"), encoding="utf-8")
    assert open_project(engagement).seed != seed


@pytest.mark.slow
def test_two_notebooks_may_open_one_engagement_at_once(engagement: Path) -> None:
    code = f"from kamkit import open_project\nprint(open_project({str(engagement)!r}).key_accounts.pareto.n_accounts)"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == ["6\n", "6\n"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_work_folder_that_cannot_be_written_is_told(engagement: Path) -> None:
    open_project(engagement, work=engagement / "elsewhere")  # what is imported late is imported now, as root
    for folder in (engagement, *engagement.parents):
        if (
            folder.owner() == "root"
            and folder.is_relative_to(tempfile.gettempdir())
            and folder != Path(tempfile.gettempdir())
        ):
            folder.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(EngagementError) as caught:
            open_project(engagement)
    finally:
        os.seteuid(0)
    assert str(caught.value) == (
        f"{engagement / 'work'}: 1 problem found\n- the work folder cannot be written: Permission denied"
    )


def test_the_public_surface() -> None:
    assert kamkit.__all__ == sorted(kamkit.__all__)
    assert kamkit.open_project is module.open_project
    assert all(hasattr(kamkit, name) for name in kamkit.__all__)
    with pytest.raises(AttributeError, match="module 'kamkit' has no attribute 'opne_project'"):
        kamkit.opne_project  # noqa: B018


def test_importing_kamkit_is_light() -> None:
    code = "import sys, kamkit\nprint(sorted({'pandas', 'numpy', 'pydantic', 'papermill'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
