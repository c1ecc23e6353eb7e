"""Account plans (domain S13): for confirmed and managed key accounts, at most three pages each. What the data say is filled
in, what only people know has a field of its own, and what is missing is named. A plan may be shown to anybody at the account,
so it never names a takeover."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kamkit.analysis.stability import certainty
from kamkit.model.codes import DecisionStatus, Gate, Option, Tier
from kamkit.model.results import KeyAccounts
from kamkit.telling.comments import Comment
from kamkit.telling.dossier import Dossier
from kamkit.telling.language import Labels
from kamkit.telling.portfolio_words import field_name, model_name
from kamkit.telling.results import ranking, step_code, told
from kamkit.telling.tables import DisplayTable, display_table

MOST_PLANS = 15
REVIEW_DAYS = 90
"""After this many days a plan is out of date (convention)."""

MOST_YEARS, MOST_ITEMS, MOST_SPOTS, MOST_SITES, MOST_CONTACTS, MOST_STEPS, MOST_COMMENTS = 4, 5, 3, 8, 10, 6, 3
"""What keeps a plan within its pages."""

BLANKS: Mapping[str, int] = {"goals": 3, "purchasing": 3, "win_win": 3, "targets": 3}
"""Fields that only people can fill in, with their lines."""
SWOT = ("strengths", "weaknesses", "chances", "threats")


@dataclass(frozen=True)
class PlanPart:
    """A part of a plan: facts with their values, sentences, tables, and empty fields with the number of their lines."""

    key: str
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    sentences: tuple[str, ...] = ()
    tables: tuple[DisplayTable, ...] = ()
    comments: tuple[Comment, ...] = ()
    blanks: tuple[tuple[str, int], ...] = ()
    boxes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AccountPlan:
    """The plan of one account: its cover facts, its parts, and the day from which it is out of date."""

    account_id: str
    name: str
    cover: tuple[tuple[str, str], ...]
    parts: tuple[PlanPart, ...]
    review: dt.date


@dataclass(frozen=True)
class Plans:
    """The plans, largest account first, and one sentence that says how many there are, or why there are none."""

    plans: tuple[AccountPlan, ...] = ()
    note: str = ""


def planned_accounts(key_accounts: KeyAccounts) -> tuple[list[str], int]:
    """The accounts that get a plan, by rank: confirmed by a decision in force, and managed. And how many are confirmed."""
    decided = key_accounts.decided
    said_yes = ((decided["subject"] == "key_account") & (decided["decision"] == "yes")) | (
        (decided["subject"] == "tier") & (decided["decision"] == str(Tier.MANAGED))
    )
    confirmed = set(decided.loc[said_yes & (decided["status"] == str(DecisionStatus.CONFIRMED)), "account_id"])
    table = ranking(key_accounts)
    table = table[table["account_id"].isin(confirmed)]
    return table.loc[table["tier"] == str(Tier.MANAGED), "account_id"].tolist(), len(table)


def account_plans(book: Dossier) -> Plans:
    """The plans of all accounts that get one."""
    labels = book.labels
    chosen, n_confirmed = planned_accounts(book.key_accounts)
    if not chosen:
        return Plans(note=labels("account_plan.none_managed" if n_confirmed else "account_plan.none", n=n_confirmed))
    planner = _Planner(book)
    plans = tuple(planner.plan(account_id) for account_id in chosen[:MOST_PLANS])
    key = "account_plan.made" if len(chosen) <= MOST_PLANS else "account_plan.made_largest"
    return Plans(plans, labels(key, n=len(plans), total=len(chosen)))


@dataclass(frozen=True)
class _Planner:
    book: Dossier

    @property
    def labels(self) -> Labels:
        return self.book.labels

    def plan(self, account_id: str) -> AccountPlan:
        """The plan of one account."""
        row = self.book.row(account_id)
        parts = [
            self._summary(account_id, row),
            self._profile(account_id, row),
            self._sites(account_id),
            self._position(account_id, row),
            self._contacts(account_id),
            self._customer(),
            self._option(account_id),
            self._steps(account_id),
            self._risks(account_id),
            self._said(account_id),
        ]
        review = self.book.today + dt.timedelta(days=REVIEW_DAYS)
        made = tuple(part for part in parts if part is not None)
        return AccountPlan(account_id, str(row["name"]), tuple(self._cover(account_id, row, review)), made, review)

    def _part(self, key: str, **parts: Any) -> PlanPart:
        return PlanPart(key, self.labels(f"account_plan.{key}"), **parts)

    def _fact(self, name: str, text: str) -> tuple[str, str]:
        return self.labels(f"account_plan.{name}"), text

    def _cover(self, account_id: str, row: Mapping[str, Any], review: dt.date) -> Iterator[tuple[str, str]]:
        labels = self.labels
        yield self._fact("number", account_id)
        for name in ("region", "field_rep", "kam_owner"):
            yield labels(f"column.{name}"), self.book.known(row.get(name))
        yield self._fact("data", self.book.period)
        yield self._fact("made_on", labels.date(self.book.today))
        yield self._fact("review", labels.date(review))

    def _summary(self, account_id: str, row: Mapping[str, Any]) -> PlanPart:
        labels, advice, risk = (
            self.labels,
            self.book.advice.get(account_id, {}),
            self.book.risk.get(account_id, {}),
        )
        prior = float("nan") if labels.missing(row["revenue_prior"]) else float(row["revenue_prior"])
        change = row["revenue"] / prior - 1 if prior > 0 else None
        said = [
            labels(
                "account_plan.brings" if change is None else "account_plan.brings_change",
                **{"name": row["name"], "period": self.book.period, "revenue": row["revenue"], "share": row["share"]},
                **{"rank": self.book.rank(account_id), "change": change},
            )
        ]
        option = advice.get("recommended_option")
        if not labels.missing(option):
            said.append(
                labels("account_plan.recommended", option=option, reason=self.book.text(advice.get("reason"))).strip()
            )
        if not labels.missing(risk.get("level")):
            said.append(
                labels("account_plan.risk_level", level=risk["level"], evidence=self.book.text(risk.get("evidence")))
            )
        if spots := self._spots(account_id).to_dict("records"):
            money = math.fsum(spot["expected_revenue"] for spot in spots)
            said.append(labels("account_plan.spots", n=len(spots), category=spots[0]["category"], money=money))
        return self._part("summary", sentences=tuple(said))

    def _profile(self, account_id: str, row: Mapping[str, Any]) -> PlanPart:
        labels = self.labels
        sure = certainty(row["membership_probability"])
        facts = [
            self._fact("class", self.book.known(row["abc_class"])),
            self._fact("certainty", self.book.known(None if sure is None else str(sure), "word:membership")),
            self._fact("type", self.book.known(row.get("kam_type"), "word:kam_type")),
            self._fact("industry", self.book.known(row.get("industry_text"))),
        ]
        spots = self._spots(account_id)
        tables = [
            display_table(self.book.years(account_id), "plan_years", "span revenue:money margin:money", labels),
            display_table(self.book.items(account_id), "plan_items", "category revenue:money", labels, MOST_ITEMS),
            display_table(spots, "plan_spots", "category expected_revenue:money_short", labels, MOST_SPOTS),
        ]
        return self._part("profile", facts=tuple(facts), tables=tuple(table for table in tables if len(table)))

    def _spots(self, account_id: str) -> pd.DataFrame:
        return self.book.spots.get(account_id, self.book.options.cross_selling.head(0))

    def _sites(self, account_id: str) -> PlanPart:
        members = self.book.facts.members[self.book.facts.members["account_id"] == account_id]
        members = members.sort_values(["revenue", "customer_id"], ascending=[False, True])
        if len(members) <= 1:
            return self._part("sites", sentences=(self.labels("account_plan.one_site"),))
        shown = display_table(members, "plan_sites", "customer_id name revenue:money", self.labels, MOST_SITES)
        return self._part("sites", tables=(shown,))

    def _position(self, account_id: str, row: Mapping[str, Any]) -> PlanPart | None:
        """Our share of what the account spends, and what it earns us; not for those who may not see margins."""
        if not self.book.candid:
            return None
        labels, value = (
            self.labels,
            _row(self.book.key_accounts.value.table, account_id) if len(self.book.key_accounts.value.table) else {},
        )
        share, margin = value.get("share_of_wallet"), row.get("margin")
        wallet = self.book.known(share, "percent", "customers.wallet")
        if not labels.missing(share):
            wallet = labels(
                "account_plan.wallet", share=share, source=str(value["wallet_source"]), wallet=value["wallet"]
            )
        earned = self.book.known(margin, "money", "transactions.margin")
        if not labels.missing(margin) and row["revenue"] > 0:
            earned = labels("account_plan.margin_of", margin=margin, rate=margin / row["revenue"])
        facts = [self._fact("wallet_share", wallet), self._fact("margin", earned), *self._in_portfolio(account_id)]
        close = _row(self.book.kam_types.intensity, account_id) if len(self.book.kam_types.intensity) else {}
        if not labels.missing(close.get("stage")):
            facts.append(self._fact("stage", labels.format_field(str(close["stage"]), "word:stage")))
        return self._part("position", facts=tuple(facts))

    def _in_portfolio(self, account_id: str) -> Iterator[tuple[str, str]]:
        """The account's field on the matrix of the main part, and its price level."""
        labels, found = self.labels, self.book.options.portfolio
        row = _row(found.profile, account_id) if len(found.profile) else {}
        places = found.positions[found.positions["model"] == found.main] if found.main else found.positions
        place = _row(places, account_id) if found.main else {}
        if place:
            words = {
                "field": field_name(found.main, place["quadrant"], labels),
                "model": model_name(found.main, labels),
            }
            main = found.models[found.models["model"] == found.main]
            is_close = main[["x_close", "y_close"]].any(axis=None)
            field = labels("account_plan.field_close" if is_close else "account_plan.field", **words)
        elif row and row["missing"]:
            what = labels.names(labels.lacking(row["missing"]))
            field = labels("account_plan.not_assessable", what=what)
        else:
            field = labels("account_plan.too_few")
        yield self._fact("portfolio", field)
        how = next((note for note in found.notes if note.startswith("price_")), "")
        if how and not labels.missing(row.get("price_level")):
            price = labels(f"account_plan.{how}", level=row["price_level"])
        else:
            price = labels("account_plan.not_assessable", what=labels(f"account_plan.{how or 'price'}_lacks"))
        yield self._fact("price_level", price)

    def _contacts(self, account_id: str) -> PlanPart:
        contacts = self.book.facts.tables.get("contacts", pd.DataFrame())
        own = contacts[contacts["account_id"] == account_id] if len(contacts) else contacts
        if own.empty:
            return self._part("contacts", sentences=(self.book.known(None, missing="contacts.contact_id"),))
        columns = "contact_id function level:text stance power"
        own = own.rename(columns={"level": "contact_level"})
        shown = display_table(
            own, "plan_contacts", columns.replace("level:text", "contact_level"), self.labels, MOST_CONTACTS
        )
        return self._part("contacts", tables=(shown,))

    def _customer(self) -> PlanPart:
        blanks = tuple((self.labels(f"account_plan.blank_{name}"), lines) for name, lines in BLANKS.items())
        boxes = tuple(self.labels(f"account_plan.swot_{name}") for name in SWOT)
        return self._part("customer", blanks=blanks, boxes=boxes)

    def _option(self, account_id: str) -> PlanPart:
        labels, advice = self.labels, self.book.advice.get(account_id, {})
        option, beside = advice.get("recommended_option"), advice.get("supporting_option")
        facts = [(labels("column.recommended_option"), self.book.known(option, "word:option"))]
        if not labels.missing(beside):
            facts.append((labels("column.supporting_option"), labels.format_field(beside, "word:option")))
        for name in ("reason", "first_step", "question"):
            if self.book.text(advice.get(name)):
                facts.append((labels(f"account_plan.{name}"), self.book.text(advice[name])))
        if self.book.text(advice.get("avoid")):
            facts.append((labels("account_plan.against"), self.book.text(advice["avoid"])))
        said = [close] if (close := self.book.text(advice.get("close_by"))) else []
        own = self.book.options.options[self.book.options.options["account_id"] == account_id]
        own = own[own["option"] != Option.TAKEOVER]
        unknown = own.loc[own["gate"] == Gate.NOT_ASSESSABLE, "option"].tolist()
        closed = own.loc[own["gate"] == Gate.CLOSED, "option"].tolist()
        for key, names in (("closed", closed), ("unknown", unknown)):
            if names:
                said.append(labels(f"account_plan.options_{key}", names=[labels(f"option.{name}") for name in names]))
        return self._part("option", facts=tuple(facts), sentences=tuple(said))

    def _steps(self, account_id: str) -> PlanPart:
        """The account's line of the plan with what people entered, and the steps they added."""
        labels, rows = self.labels, []
        entered = pd.DataFrame() if self.book.actions is None else self.book.actions
        own = entered[entered["account_id"] == account_id].to_dict("records") if len(entered) else []
        for said in own:
            due = said["proposed_due"] if labels.missing(said["due"]) else said["due"]
            rows.append(
                {"first_step": said["first_step"], "owner": said["owner"], "due": due, "result": said["result"]}
                | {"status": "open" if labels.missing(said["status"]) else said["status"]}
            )
        taken = {said["code"] for said in own if said["plan"] == pd.Timestamp(self.book.facts.period.end)}
        lines = self.book.options.actions[self.book.options.actions["account_id"] == account_id]
        proposed = told(lines, labels).to_dict("records")
        for line, code in zip(proposed, lines[["option", "first_step"]].itertuples(index=False), strict=True):
            if step_code(*code) not in taken:
                rows.append({"first_step": line["first_step"], "due": line["due_date"], "status": "proposed"})
        if not rows and self.book.text(first := self.book.advice.get(account_id, {}).get("first_step")):
            rows.append({"first_step": first, "status": "proposed"})
        frame = pd.DataFrame(rows, columns=["first_step", "owner", "due", "status", "result"])
        frame["due"] = pd.to_datetime(frame["due"])
        columns = "first_step owner due:date status:word:action_status result"
        shown = display_table(frame, "plan_steps", columns, labels, MOST_STEPS, keep_empty=True)
        return self._part(
            "steps", tables=(shown,) if len(shown) else (), blanks=((labels("account_plan.more_steps"), 2),)
        )

    def _risks(self, account_id: str) -> PlanPart:
        return self._part(
            "risks", sentences=self.book.risks(account_id), blanks=((self.labels("account_plan.more_risks"), 2),)
        )

    def _said(self, account_id: str) -> PlanPart | None:
        own = tuple(comment for comment in self.book.comments if comment.account_id == account_id)
        return self._part("comments", comments=own[-MOST_COMMENTS:]) if own else None


def _row(frame: pd.DataFrame, account_id: str) -> Mapping[Any, Any]:
    """The first row of an account, nothing where there is none."""
    rows = frame[frame["account_id"] == account_id].to_dict("records")
    return rows[0] if rows else {}
