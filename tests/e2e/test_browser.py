"""The report in a real browser: nothing leaves the page, nothing complains, search, sort and slider do what they say, it is
read aloud and on a phone, and the main part fits its pages when printed."""

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
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from kamkit.analysis.follow_up import compare_runs
from kamkit.analysis.pareto import rank_accounts
from kamkit.deliver.html import render_html, render_plans
from kamkit.execution.project import Project, open_project
from kamkit.model.engagement import LANGUAGES, Period
from kamkit.model.follow_up import FollowUp, PreviousRun
from kamkit.model.kit import bundled_cases
from kamkit.telling.canvas import Chart
from kamkit.telling.chart_data import Frame
from kamkit.telling.language import Labels
from kamkit.telling.pareto_chart import pareto_headline, plot_pareto
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
GRAVE = ("serious", "critical")
"""How axe calls what keeps people from reading a page."""


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Project]:
    """Opens a bundled case in a language, each once."""
    folder = tmp_path_factory.mktemp("project")

    @cache
    def opened(case: str, language: str) -> Project:
        return open_project(case, language, work=folder / case)

    return opened


@pytest.fixture(scope="module")
def report_of(
    projects: Callable[[str, str], Project], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Path]:
    """Makes the report of a bundled case in a language, each once."""
    folder = tmp_path_factory.mktemp("report")

    @cache
    def made(case: str, language: str) -> Path:
        file = folder / f"{case}_{language}.html"
        file.write_text(render_html(story_of(projects(case, language))), encoding="utf-8")
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
    assert page.locator("#hits").inner_text() == f"1 von {n_accounts} Kunden"
    assert page.locator("#hits").get_attribute("role") == "status"
    page.fill("#search", "")
    assert [row.is_visible() for row in rows.all()].count(True) == n_accounts
    assert page.locator("#hits").inner_text() == ""
    revenue = page.locator("#all-accounts thead th:nth-child(3)")
    revenue.locator("button").focus()
    for order, first in (("ascending", names.last), ("descending", names.first)):
        page.keyboard.press("Enter")
        assert revenue.get_attribute("aria-sort") == order
        assert first.inner_text() == largest
    page.locator("#all-accounts thead th:nth-child(2) button").click()
    assert revenue.get_attribute("aria-sort") is None


THRESHOLDS = range(50, 96)
MOVE = """thresholds => thresholds.map(threshold => {
  const slider = document.getElementById("threshold");
  slider.value = threshold;
  slider.dispatchEvent(new Event("input"));
  return document.getElementById("finding").textContent;
})"""


def headlines(accounts: pd.DataFrame, labels: Labels) -> list[str]:
    """What Python says at each threshold of the slider."""
    return [pareto_headline(rank_accounts(accounts, t / 100), labels) for t in THRESHOLDS]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_slider_says_what_python_says(
    page: Page, report_of: Callable[[str, str], Path], projects: Callable[[str, str], Project], language: str
) -> None:
    project = projects("machinery", language)
    page.goto(report_of("machinery", language).as_uri())
    finding = page.locator("#finding")
    assert finding.text_content() == pareto_headline(project.key_accounts.pareto, project.labels)
    assert page.evaluate(MOVE, list(THRESHOLDS)) == headlines(project.key_accounts.pareto.table, project.labels)
    assert page.locator("#bars").get_attribute("aria-label") == finding.text_content()


@pytest.mark.parametrize(
    "revenue",
    [
        [50.0, 30.0, 20.0],
        [0.1] * 10,
        [25.0] * 4,
        [1e9 + 0.01, 3e8, 2e8, 1.0, 0.01, -5.0],
        [80.5, 19.5],
        [995.0, 5.0],
        [9996.0, 4.0],
        [100.0 - i for i in range(60)],
        [1e6 / (i + 1) for i in range(1500)],
    ],
    ids=["exact hits", "floats", "ties", "large and small", "half", "nearly all", "all but", "flat", "many"],
)
def test_the_slider_keeps_the_rule_of_the_threshold(
    page: Page, projects: Callable[[str, str], Project], tmp_path: Path, revenue: list[float]
) -> None:
    project = projects("technical-service", "de")
    accounts, chart, file = report_on(revenue, project, project.labels, tmp_path)
    page.goto(file.as_uri())
    assert page.locator("#finding").text_content() == chart.title
    assert page.evaluate(MOVE, list(THRESHOLDS)) == headlines(accounts, project.labels)


@pytest.mark.parametrize("country", ["de_DE", "de_AT", "de_CH", "en_GB", "en_US"])
def test_the_slider_writes_numbers_as_the_country_does(
    page: Page, projects: Callable[[str, str], Project], tmp_path: Path, country: str
) -> None:
    labels = Labels(country[:2], country, "EUR")
    revenue = [1000 - 0.3 * i for i in range(2500)]
    accounts, chart, file = report_on(revenue, projects("technical-service", "de"), labels, tmp_path, threshold=0.825)
    page.goto(file.as_uri())
    assert page.locator("#finding").text_content() == chart.title
    assert page.evaluate(MOVE, list(THRESHOLDS)) == headlines(accounts, labels)
    page.locator("#reset").click()
    assert page.locator("#reached").text_content() == labels.percent(0.825, 1)


def report_on(
    revenue: list[float], project: Project, labels: Labels, folder: Path, threshold: float = 0.8
) -> tuple[pd.DataFrame, Chart, Path]:
    """Accounts with these revenues, their Pareto, and the report of a project that has it in place of its own."""
    accounts = pd.DataFrame(
        {
            "account_id": [f"K{i:04d}" for i in range(len(revenue))],
            "name": [f"Kunde {i}" for i in range(len(revenue))],
            "revenue": revenue,
            "margin": float("nan"),
        }
    )
    unknown = accounts[["account_id"]].assign(membership_probability=float("nan"))
    keys = replace(project.key_accounts, pareto=rank_accounts(accounts, threshold), membership=unknown)
    chart = plot_pareto(keys, labels, Frame(project.facts.period))
    story = story_of(project)
    main = tuple(replace(part, chart=chart) if part.key == "pareto" else part for part in story.main)
    file = folder / "report.html"
    file.write_text(render_html(replace(story, labels=labels, main=main)), encoding="utf-8")
    return accounts, chart, file


def test_the_slider_is_moved_by_keyboard_marks_the_rows_and_goes_back(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    slider, finding, rows = page.locator("#threshold"), page.locator("#finding"), page.locator("#bars .name.key")
    said, marked = finding.inner_text(), rows.all_inner_texts()
    assert page.locator("#reset").is_disabled()
    assert page.locator("output#finding").get_attribute("for") == "threshold"
    slider.focus()
    page.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "50\u00a0%"
    assert "50\u00a0%" in finding.inner_text()
    assert "(Schwelle 80\u00a0%)" in page.locator("#change").inner_text()
    assert len(rows.all()) == int(finding.inner_text().split()[0])
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "51\u00a0%"
    page.locator("#reset").press("Enter")
    assert (finding.inner_text(), rows.all_inner_texts()) == (said, marked)
    assert page.evaluate("document.activeElement.id") == "threshold"


def test_a_link_opens_the_page_of_a_key_account(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    link = page.locator("#recommendations tbody th a").first
    body = page.locator(str(link.get_attribute("href")))
    assert not body.is_visible()
    link.click()
    assert body.is_visible()
    assert link.inner_text() == page.locator("details[open] summary h3").inner_text()
    assert page.locator("#all-accounts tbody th a").count() == page.locator("#account-pages details").count() > 50


@pytest.mark.parametrize("case", bundled_cases())
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_small(report_of: Callable[[str, str], Path], case: str, language: str) -> None:
    assert report_of(case, language).stat().st_size < 300_000


@pytest.mark.parametrize("case", bundled_cases())
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_keeps_people_from_reading_it(
    page: Page, report_of: Callable[[str, str], Path], case: str, language: str
) -> None:
    page.goto(report_of(case, language).as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = Axe().run(page).response["violations"]
    told = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found if each["impact"] in GRAVE]
    assert told == []


@pytest.mark.parametrize("case", bundled_cases())
def test_the_page_fits_a_phone(page: Page, report_of: Callable[[str, str], Path], case: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(report_of(case, "de").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = page.locator(".scroll[tabindex='0'], figure[tabindex='0']")
    assert wide.count() > 5
    assert all(element.get_attribute("aria-label") for element in wide.all())


def test_the_page_is_complete_without_script(browser: Browser, report: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(report.as_uri())
    assert page.locator("#all-accounts tbody tr").count() > 200
    assert page.locator("#pareto svg").first.is_visible()
    assert page.locator("#search, #live").count() == 2
    assert not page.locator("#search").is_visible()
    assert not page.locator("#live").is_visible()


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
    page: Page, projects: Callable[[str, str], Project], tmp_path: Path, case: str, language: str
) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs Debian's poppler-utils")
    project = projects(case, language)
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
    page: Page, projects: Callable[[str, str], Project], tmp_path: Path, language: str
) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs Debian's poppler-utils")
    project = projects("machinery", language)
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
