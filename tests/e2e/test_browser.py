"""The report in a real browser: nothing leaves the page, nothing complains, search and sort do what they say, and the
main part fits its pages when printed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from kamkit.analysis.follow_up import compare_runs
from kamkit.deliver.html import render_html, render_plans
from kamkit.execution.project import Project, open_project
from kamkit.model.engagement import LANGUAGES, Period
from kamkit.model.follow_up import FollowUp, PreviousRun
from kamkit.model.kit import bundled_cases
from kamkit.telling.story import build_story, story_of

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
MOST_PAGES = 8
"""Of the main part, which a partner reads; the appendix may be as long as it must."""
MOST_PLAN_PAGES, PLAN = 3, {"de": "Kundenplan", "en": "Account plan"}
APPENDIX = {"de": "Anhang", "en": "Appendix"}
LIST = {"de": ("Alle Kunden", "Rang"), "en": ("All accounts", "Rank")}
"""The section of the long table, and the head of its first column."""


@pytest.fixture(scope="module")
def report_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Makes the report of a bundled case in a language, each once."""
    folder = tmp_path_factory.mktemp("report")

    @cache
    def made(case: str, language: str) -> Path:
        file = folder / f"{case}_{language}.html"
        story = story_of(open_project(case, language, work=folder / case))
        file.write_text(render_html(story), encoding="utf-8")
        return file

    return made


@pytest.fixture
def report(report_of: Callable[[str, str], Path]) -> Path:
    return report_of("machinery", "de")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def test_nothing_leaves_the_page_and_nothing_complains(page: Page, report: Path) -> None:
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri())
    assert [url for url in requests if not url.startswith("data:")] == [report.as_uri()]
    assert complaints == []
    assert page.locator("html").get_attribute("lang") == "de"


def test_search_narrows_the_accounts_and_a_click_sorts_them(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    rows = page.locator("#all-accounts tbody tr")
    n_accounts, names = rows.count(), rows.locator(":scope > :nth-child(2)")
    largest = names.first.inner_text()
    page.fill("#search", largest.upper())
    assert [row.is_visible() for row in rows.all()].count(True) == 1
    page.fill("#search", "")
    assert [row.is_visible() for row in rows.all()].count(True) == n_accounts
    page.locator("#all-accounts thead th:nth-child(1) button").click()
    page.locator("#all-accounts thead th:nth-child(1) button").click()
    assert page.locator("#all-accounts thead th:nth-child(1)").get_attribute("aria-sort") == "descending"
    assert names.last.inner_text() == largest


def test_the_page_is_complete_without_script(browser: Browser, report: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(report.as_uri())
    assert page.locator("#all-accounts tbody tr").count() > 200
    assert page.locator("svg").first.is_visible()
    assert not page.locator("#search").is_visible()


@pytest.mark.parametrize("case", bundled_cases())
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_main_part_fits_its_pages(
    page: Page, report_of: Callable[[str, str], Path], tmp_path: Path, case: str, language: str
) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs Debian's poppler-utils")
    page.goto(report_of(case, language).as_uri())
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    text = subprocess.run(["pdftotext", tmp_path / "report.pdf", "-"], capture_output=True, check=True).stdout.decode()
    printed = [page_text.split("\n") for page_text in text.split("\f")]
    first_lines = [lines[0] for lines in printed]
    assert 0 < first_lines.index(APPENDIX[language]) <= MOST_PAGES
    section, head = LIST[language]
    assert head in printed[first_lines.index(section) + 1], "the long table has its heads on every page"


@pytest.mark.parametrize("case", bundled_cases())
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_account_plan_is_longer_than_three_pages(
    page: Page, report_of: Callable[[str, str], Path], tmp_path: Path, case: str, language: str
) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs Debian's poppler-utils")
    project = open_project(case, language, work=report_of(case, language).parent / case)
    keys = project.key_accounts
    ids = keys.pareto.table["account_id"].head(15)
    decided = pd.DataFrame({"account_id": ids, "subject": "key_account", "decision": "yes", "status": "confirmed"})
    tiers = keys.tiers.assign(tier=keys.tiers["tier"].where(~keys.tiers["account_id"].isin(ids), "managed"))
    said = pd.DataFrame({"section": None, "account_id": [*ids] * 3, "text": "Lang. " * 40, "author_role": "Vertrieb"})
    results = (project.imported, project.facts, replace(keys, decided=decided, tiers=tiers), project.kam_types)
    story = build_story(
        project.engagement,
        *(*results, project.options, project.labels, project.today),
        said.assign(date=pd.NaT, snapshot="moved", moved_on=pd.NaT),
    )
    assert len(story.plans.plans) == len(ids)
    file = tmp_path / "plans.html"
    file.write_text(render_plans(story), encoding="utf-8")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    page.pdf(path=tmp_path / "plans.pdf", prefer_css_page_size=True)
    text = subprocess.run(["pdftotext", tmp_path / "plans.pdf", "-"], capture_output=True, check=True).stdout.decode()
    first_lines = [page_text.split("\n")[0] for page_text in text.split("\f")]
    starts = [n for n, line in enumerate(first_lines) if line == PLAN[language]]
    assert len(starts) == len(ids)
    assert max(b - a for a, b in pairwise([*starts, len(first_lines) - 1])) <= MOST_PLAN_PAGES
    assert [url for url in requests if not url.startswith("data:")] == [file.as_uri()]


def changed(project: Project) -> FollowUp:
    """The follow-up of a project whose run of a year before had eight other key accounts, warned of all and decided on all."""
    table = project.key_accounts.pareto.table[["account_id", "name", "revenue"]]
    n = project.key_accounts.pareto.n_key_accounts
    was_key = [8 <= place < n + 8 for place in range(len(table))]
    accounts = table.assign(
        is_key_account=was_key, tier=["key" if was else "other" for was in was_key], decision="key_account: yes"
    )
    period, found = project.facts.period, project.kam_types.existence
    start, end = (day.replace(year=day.year - 1) for day in (period.start, period.end))
    before = PreviousRun(
        **{"name": "then", "made_on": end, "period": Period(start=start, end=end), "currency": "EUR"},
        **{"level": project.facts.level, "basis": project.key_accounts.pareto.basis, "threshold": 0.8},
        **{"verdict": "partial", "existence": {test.test: "other" for test in found.tests}, "accounts": accounts},
        risk=table[["account_id"]].assign(level="red"),
        actions=table.head(10).assign(option="relationship", first_step="Anrufen.", due_date=pd.NaT, at_stake=1.0),
        self_check=pd.DataFrame(columns=["statement", "score"]),
    )
    parts = (project.facts, project.key_accounts, found, project.actions)
    return compare_runs(before, *parts, project.engagement.currency, 3, project.today)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_changed_shares_the_first_page(
    page: Page, report_of: Callable[[str, str], Path], tmp_path: Path, language: str
) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs Debian's poppler-utils")
    project = open_project("machinery", language, work=report_of("machinery", language).parent / "machinery")
    results = (project.imported, project.facts, project.key_accounts, project.kam_types, project.options)
    story = build_story(project.engagement, *results, project.labels, project.today, follow_up=changed(project))
    file = tmp_path / "report.html"
    file.write_text(render_html(story), encoding="utf-8")
    page.goto(file.as_uri())
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    text = subprocess.run(["pdftotext", tmp_path / "report.pdf", "-"], capture_output=True, check=True).stdout.decode()
    printed = [page_text.split("\n") for page_text in text.split("\f")]
    changes = project.labels("story.changes")
    assert changes in printed[0][8:]
    assert 0 < [lines[0] for lines in printed].index(APPENDIX[language]) <= MOST_PAGES
