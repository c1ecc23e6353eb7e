"""The key to a teaching case: which fact was planted where, and what a run's result files must say about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from kamkit.workshop.case_customers import Customer
from kamkit.workshop.case_specs import CaseSpec, Role

EXPECTED: Mapping[str, str] = {
    "hidden_group": "each member alone is outside the 80 % circle, together they are inside",
    "same_vat_id": "two customer numbers with one VAT id: a group candidate for a person to confirm, never merged",
    "silent_churner": "a key account by revenue that stopped ordering after September: red account risk",
    "seasonal_false_alarm": "buys from March to August only, every year: silence in winter is no alarm",
    "whitespace": "its peers buy the category, the account never did",
    "group_whitespace": "one site of the group buys the category, its sisters never did",
    "loss_making_a_customer": "a key account that loses money",
    "lead_customer": "its changes run ahead of the other customers by some months",
    "key_in_name_only": "called a key account, neither large nor treated as one",
    "de_facto_key_account": "not called a key account, but treated as one",
    "gap_account": "in the 80 % circle, neither called nor treated as a key account",
    "one_off_project": "one large project order carries it into the 80 % circle; that it does not repeat is no churn",
    "consumer_exception": "a retail chain buying retail-packed goods: a consumer account in a technical programme",
    "pseudo_programme": "key accounts are labelled, but get no privileges and no budgets of their own",
    "real_programme": "key accounts have privileges, budgets of their own, and parallel regional field sales",
}


def answer_key(spec: CaseSpec, seed: int, customers: Sequence[Customer], lines: pd.DataFrame) -> dict[str, Any]:
    """The planted facts of a case: {case, seed, fictitious, facts: [{fact, account_ids, customer_ids, expected,
    values, where}]}.

    `where` lists checks: {file, match: {column: value}, and either column, op, value for the one row matched, or
    n_rows: [op, value]}; `level: customer` asks for a run on that level. Files are those of a run's folder.
    """
    facts = []
    for role in spec.roles:
        cast = [customer for customer in customers if customer.role is role]
        facts.append(_fact(role.fact, cast, _values(spec, role, cast, lines), _checks(spec, role, cast)))
        if role.sister_gap:
            category = _category(spec, role.sister_gap)
            sisters = [customer for customer in cast if not customer.first_of_group]
            buyer = next(customer for customer in cast if customer.first_of_group)
            checks = [_rows(buyer, category, ">")] + [_rows(sister, category, "==") for sister in sisters]
            checks += [_site(sister, category) for sister in sisters]
            facts.append(_fact("group_whitespace", cast, {"category": category, "buyer": buyer.customer_id}, checks))
    if spec.organisation:
        verdict = {"file": "existence.json", "match": {}, "column": "verdict", "op": "==", "value": spec.organisation}
        labelled = [customer for customer in customers if customer.key_label]
        facts.append(_fact(f"{spec.organisation}_programme", labelled, {}, [verdict]))
    return {"case": spec.name, "seed": seed, "fictitious": True, "facts": facts}


def _fact(
    fact: str, cast: Sequence[Customer], values: Mapping[str, Any], checks: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "fact": fact,
        "account_ids": sorted({customer.account_id for customer in cast}),
        "customer_ids": [customer.customer_id for customer in cast],
        "expected": EXPECTED[fact],
        "values": dict(values),
        "where": checks,
    }


def _values(spec: CaseSpec, role: Role, cast: Sequence[Customer], lines: pd.DataFrame) -> dict[str, Any]:
    """What a trainer wants to see of a fact: category, months, project or the last day of an order."""
    own = lines[lines["customer_id"].isin([customer.customer_id for customer in cast]) & (lines["net_revenue"] > 0)]
    known = {
        "category": _category(spec, role.lacks) if role.lacks else None,
        "months": list(role.months) or None,
        "leads_by_months": role.leads_by or None,
        "vat_id": cast[0].vat_id if role.fact == "same_vat_id" else None,
        "project_id": next(iter(own["project_id"].dropna()), None) if role.project else None,
        "last_order": max(own["posting_date"]).isoformat() if role.fades else None,
    }
    return {name: value for name, value in known.items() if value is not None}


def _category(spec: CaseSpec, code: str) -> str:
    return next(category.name for category in spec.categories if category.code == code)


def _rows(customer: Customer, category: str, op: str) -> dict[str, Any]:
    match = {"customer_id": customer.customer_id, "category": category}
    return {"file": "tables/transactions.parquet", "match": match, "n_rows": [op, 0]}


def _site(sister: Customer, category: str) -> dict[str, Any]:
    match = {"account_id": sister.account_id, "customer_id": sister.customer_id, "item": category}
    return {"file": "results/sites.csv", "match": match, "column": "status", "op": "==", "value": "never"}


def _checks(spec: CaseSpec, role: Role, cast: Sequence[Customer]) -> list[dict[str, Any]]:
    account = {"account_id": cast[0].account_id}

    def says(file: str, column: str, op: str, value: object, **match: str) -> dict[str, Any]:
        return {"file": f"results/{file}", "match": {**account, **match}, "column": column, "op": op, "value": value}

    key = says("accounts.csv", "is_key_account", "==", True)
    not_red = says("account_risk.csv", "level", "!=", "red")
    match role.fact:
        case "hidden_group":
            alone = [{**key, "match": {"account_id": c.customer_id}, "value": False, "level": "customer"} for c in cast]
            return [key, *alone]
        case "same_vat_id":
            one_each = [says("accounts.csv", "is_key_account", "==", False), says("accounts.csv", "share", ">", 0)]
            return [{**check, "match": {"account_id": c.account_id}} for c in cast for check in one_each]
        case "silent_churner":
            return [key, says("account_risk.csv", "level", "==", "red")]
        case "seasonal_false_alarm":
            return [key, not_red]
        case "whitespace":
            return [key, says("cross_selling.csv", "rank", "<=", 3, category=_category(spec, str(role.lacks)))]
        case "lead_customer":
            return [key, says("options.csv", "gate", "==", "open", option="early_warning")]
        case "loss_making_a_customer":
            return [key, says("accounts.csv", "margin", "<", 0)]
        case "key_in_name_only":
            return [
                says("accounts.csv", "is_key_account", "==", False),
                says("accounts.csv", "kam_status", "==", "pseudo"),
            ]
        case "de_facto_key_account":
            return [
                says("accounts.csv", "is_key_account", "==", False),
                says("accounts.csv", "kam_status", "==", "de_facto"),
            ]
        case "gap_account":
            return [key, says("accounts.csv", "kam_status", "==", "gap")]
        case "one_off_project":
            return [key, not_red]
        case "consumer_exception":
            return [key, says("accounts.csv", "kam_type", "==", "consumer")]
        case _:
            return [key]
