"""The report in a real browser: nothing leaves the page, nothing complains, search and sort do what they say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from kamkit.deliver.html import render_html
from kamkit.execution.project import open_project
from kamkit.telling.story import story_of

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    file = folder / "report.html"
    file.write_text(render_html(story_of(open_project("machinery", work=folder / "work"))), encoding="utf-8")
    return file


@pytest.fixture
def page() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET) as browser:
        yield browser.new_page()


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


def test_the_page_is_complete_without_script(report: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET) as browser:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(report.as_uri())
        assert page.locator("#all-accounts tbody tr").count() > 200
        assert page.locator("svg").first.is_visible()
        assert not page.locator("#search").is_visible()
