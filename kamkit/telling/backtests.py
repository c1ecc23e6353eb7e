"""Tests on the client's own history in a client's words: in counts, beside what simple rules would have reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from kamkit.analysis.judging import FEWEST_EVENTS, NOT_TESTABLE
from kamkit.model.results import StrategyOptions
from kamkit.telling.language import Labels

SHOWN = (
    "auc",
    "precision_at_10",
    "revenue_caught",
    "hit_at_10",
    "hit_at_1",
    "map_at_10",
    "direction_hits",
    "people_right",
    "revenue_change",
)
"""Metrics of the table for people; the others stand in results/backtests.csv."""


def backtest_sentences(options: StrategyOptions, labels: Labels) -> tuple[str, ...]:
    """For each task and population, all cut-offs together: how many warnings or proposals came true, what chance and the
    simplest rules would have reached, and whether the test holds; or why there is no test."""
    return tuple(
        labels(
            "prose.backtest",
            about=labels("backtest.about", **_named(about, rows, labels)),
            said=" ".join(_said(rows, labels)),
        )
        for about, rows in _together(options.backtests)
    )


def _named(about: tuple[str, str], rows: pd.DataFrame, labels: Labels) -> dict[str, str]:
    task, population = labels(f"task.{about[0]}"), labels(f"population.{about[1]}")
    months = rows["months"].iloc[0]
    return {
        "task": task if pd.isna(months) else labels("backtest.within", task=task, months=months),
        "population": population,
    }


def _together(backtests: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """The rows of all cut-offs together by task and population."""
    for (task, population), rows in backtests.groupby(["task", "population"], sort=False):
        yield (str(task), str(population)), rows[rows["cut_off"].isna()] if rows["cut_off"].isna().any() else rows


def _said(rows: pd.DataFrame, labels: Labels) -> Iterator[str]:
    first = rows.iloc[0]
    if first["metric"] == NOT_TESTABLE:
        about = {"events": first["events"], "n": first["n"], "least": FEWEST_EVENTS}
        yield labels(f"untestable.{first['reason']}", **about)
        return
    claims = bool(first["claims"])
    match first["task"]:
        case "cross_selling":
            yield from _of_proposals(rows, claims, labels)
        case "direction":
            yield from _of_directions(rows, claims, labels)
        case "buffer" | "buffer_placebo" as task:
            hits, listed, others = _counted(rows)
            yield labels("backtest.held", n=hits, total=listed, chance=others["chance"])
            if task == "buffer" and not claims:
                yield labels("backtest.no_buffer")
        case "key_account_decisions":
            n, people, model = first["n"], first["value"], first["baseline_value"]
            yield labels("backtest.decided", n=round(people * n), total=n, model=round(model * n))
            if not claims:
                yield labels("backtest.no_difference")
        case "option_decisions":
            yield labels("backtest.followed", total=first["n"], change=first["value"], others=first["baseline_value"])
        case _:
            yield from _of_warnings(rows, claims, labels)


def _counted(rows: pd.DataFrame) -> tuple[int, int, dict[str, int]]:
    """How many of the listed came true, how many are listed, and how many of them the simple rules and chance
    would have caught."""
    found = rows[rows["metric"] == "recall_at_10"].set_index("baseline")
    n, events = (int(found[name].iloc[0]) for name in ("n", "events"))
    reached = {str(name): float(value) for name, value in found["baseline_value"].astype(float).items()}
    listed, hits = round(reached["chance"] * n), round(float(found["value"].iloc[0]) * events)
    others = {name: round(value * events) for name, value in reached.items()}
    return hits, listed, others | {"chance": round(listed * events / n)}


def _of_warnings(rows: pd.DataFrame, claims: bool, labels: Labels) -> Iterator[str]:
    hits, listed, others = _counted(rows)
    said: dict[str, Any] = {"n": hits, "total": listed, "chance": others.pop("chance")}
    if "account_size" in others:
        yield labels("backtest.warnings_size", **said, size=others["account_size"])
    else:
        yield labels("backtest.warnings", **said)
    if claims:
        yield from _better_rule(hits, others, labels)
    else:
        yield labels("backtest.no_signal")


def _of_directions(rows: pd.DataFrame, claims: bool, labels: Labels) -> Iterator[str]:
    n = int(rows["n"].iloc[0])
    naive = rows.set_index("baseline")["baseline_value"].astype(float).items()
    others: dict[str, Any] = {str(name): round(value * n) for name, value in naive}
    yield labels("backtest.directions", n=round(float(rows["value"].iloc[0]) * n), total=n, **others)
    if not claims:
        yield labels("backtest.no_gain")


def _of_proposals(rows: pd.DataFrame, claims: bool, labels: Labels) -> Iterator[str]:
    lead = "hit_at_10" if "hit_at_10" in set(rows["metric"]) else "hit_at_1"
    found = rows[rows["metric"] == lead].set_index("baseline")
    n = int(found["n"].iloc[0])
    hits = round(float(found["value"].iloc[0]) * n)
    others = {str(name): round(value * n) for name, value in found["baseline_value"].astype(float).items()}
    yield labels(f"backtest.{lead}", n=hits, total=n, popular=others["popularity"])
    others.pop("chance", None)
    if not claims:
        yield labels("backtest.no_better_than_popular")
        return
    yield from _better_rule(hits, others, labels)


def _better_rule(hits: int, others: Mapping[str, int], labels: Labels) -> Iterator[str]:
    """The simple rule that did at least as well, if there is one."""
    best = max(others, key=lambda name: others[name], default=None)
    if best is not None and others[best] >= hits:
        yield labels("backtest.rule_as_good", rule=labels(f"baseline.{best}"), n=others[best])


def holds_on_history(backtests: pd.DataFrame, task: str) -> bool | None:
    """Whether the test of a task on history held (column claims); None where it could not be tested."""
    rows = backtests[backtests["task"] == task]
    return None if rows.empty or rows["value"].isna().all() else bool(rows["claims"].eq(True).any())


def backtest_lines(backtests: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """What the methods would have got right, all cut-offs together: task, population, n, events, metric, found (the value
    and its interval), by_chance, and best_rule (the best of the simple rules); where nothing can be tested, that."""
    lines = []
    for about, rows in _together(backtests):
        for name, of_metric in rows.groupby("metric", sort=False):
            metric, first = str(name), of_metric.iloc[0]
            counted = {"n": first["n"], "events": first["events"]} if first["n"] else {}
            line: dict[str, Any] = {**_named(about, of_metric, labels), **counted}
            line["metric"] = labels(f"metric.{metric}")
            if metric in SHOWN:
                lines.append(line | _compared(of_metric, metric, labels))
            elif metric == NOT_TESTABLE:
                lines.append(line)
    columns = ["task", "population", "n", "events", "metric", "found", "by_chance", "best_rule"]
    return pd.DataFrame(lines, columns=columns)


def _compared(rows: pd.DataFrame, metric: str, labels: Labels) -> dict[str, str]:
    value, low, high = (_shown(rows[name].iloc[0], metric, labels) for name in ("value", "ci_low", "ci_high"))
    said = {"found": labels("backtest.with_interval", value=value, low=low, high=high)}
    others = rows.set_index("baseline")["baseline_value"].astype(float).dropna()
    if "chance" in others:
        said["by_chance"] = _shown(others.pop("chance"), metric, labels)
    if len(others):
        rule = labels(f"baseline.{others.idxmax()!s}")
        said["best_rule"] = labels("backtest.best_rule", rule=rule, value=_shown(others.max(), metric, labels))
    return said


def _shown(value: float, metric: str, labels: Labels) -> str:
    if metric in {"auc", "map_at_10"}:
        return labels.number(value, digits=2)
    return labels.change(value) if metric == "revenue_change" else labels.percent(value)
