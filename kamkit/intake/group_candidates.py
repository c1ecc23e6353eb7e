"""Customers that only look like one company: proposed to a person with their revenue, never merged (domain S2)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process

CANDIDATE_COLUMNS = ("group_id", "customer_id", "name", "evidence", "similarity", "revenue")
SAME_NUMBERS = ("vat_id", "lei", "duns")
"""Numbers that only one company has: a strong sign."""

NAME_SIMILARITY = 0.92
LONGEST_STRETCH = 2000
"""At most so many customers are compared with one another at once (16 MB): larger blocks go by stretches of neighbours
in the order of their names, each half over the one before."""

_LEGAL_FORMS = re.compile(
    r"\b(?:gmbh|mbh|ag|kgaa|kg|ohg|gbr|se|ev|eg|ug|co|cie|inc|llc|ltd|limited|plc|corp|sa|sas|sarl|srl|spa|bv|nv|ab|as|oy)\b"
)

_Pair = tuple[str, str, str, float]


def group_candidates(
    customers: pd.DataFrame,
    members: pd.DataFrame,
    revenue: pd.Series | None = None,
    refused: pd.DataFrame | None = None,
    name_similarity: float = NAME_SIMILARITY,
) -> pd.DataFrame:
    """Customers of different accounts that may be one company, for a person to confirm.

    group_id (the account that they would join: one that is a group already, else the smallest id), customer_id, name,
    evidence (vat_id | lei | duns | name), similarity (1 for a shared number, which is strong; at least
    `name_similarity` for name with postcode, which is weak) and revenue; the group with the most revenue first.
    `revenue` of the period by customer; `refused` (group_id, customer_id) is what a person has answered with no.
    """
    known = customers.drop(columns="account_id", errors="ignore").merge(members[["customer_id", "account_id"]])
    accounts = dict(zip(known["customer_id"], known["account_id"], strict=True))
    pairs = [pair for column in SAME_NUMBERS for pair in _same_number(known, column)]
    pairs += _similar_names(known, name_similarity)
    apart = _refused(refused, accounts)
    pairs = [pair for pair in pairs if frozenset((accounts[pair[0]], accounts[pair[1]])) not in apart]
    groups = _proposed_groups([(accounts[a], accounts[b]) for a, b, *_ in pairs], members)
    rows: dict[str, tuple[str, str, str, float]] = {}
    for *pair, evidence, similarity in pairs:
        for customer in pair:
            rows.setdefault(customer, (groups[accounts[customer]], customer, evidence, similarity))
    found = pd.DataFrame(rows.values(), columns=["group_id", "customer_id", "evidence", "similarity"])
    found["name"] = found["customer_id"].map(known.set_index("customer_id")["name"]) if "name" in known else None
    found["revenue"] = np.nan if revenue is None else found["customer_id"].map(revenue).fillna(0.0)
    return _by_size(_still_open(found, accounts, apart))


def _refused(refused: pd.DataFrame | None, accounts: Mapping[str, str]) -> set[frozenset[str]]:
    """The pairs of accounts that a person keeps apart; an account and itself are no pair to propose either."""
    apart = {frozenset((account,)) for account in accounts.values()}
    for group, customer in () if refused is None else zip(refused["group_id"], refused["customer_id"], strict=True):
        apart.add(frozenset((accounts.get(group, group), accounts.get(customer, customer))))
    return apart


def _still_open(found: pd.DataFrame, accounts: Mapping[str, str], apart: set[frozenset[str]]) -> pd.DataFrame:
    """The rows that nobody has answered with no, of groups in which two accounts are left to join."""
    own = found["customer_id"].map(accounts)
    pairs = [frozenset(pair) for pair in zip(found["group_id"], own, strict=True)]
    left = found[pd.Series([len(pair) == 1 or pair not in apart for pair in pairs], index=found.index, dtype=bool)]
    return left[own[left.index].groupby(left["group_id"]).transform("nunique") > 1]


def _by_size(found: pd.DataFrame) -> pd.DataFrame:
    of_group = found.groupby("group_id")["revenue"].transform("sum")
    ordered = found.assign(of_group=-of_group).sort_values(["of_group", "group_id", "customer_id"])
    return ordered[list(CANDIDATE_COLUMNS)].reset_index(drop=True)


def _proposed_groups(pairs: list[tuple[str, str]], members: pd.DataFrame) -> dict[str, str]:
    """The account that each of some pairwise linked accounts would join: one that is a group already, else the first."""
    sizes = members["account_id"].value_counts().to_dict()
    over: dict[str, str] = {}

    def top(account: str) -> str:
        while (above := over.setdefault(account, account)) != account:
            over[account] = account = over[above]
        return account

    for a, b in pairs:
        first, second = sorted((top(a), top(b)), key=lambda account: (sizes.get(account, 1) == 1, account))
        over[second] = first
    return {account: top(account) for account in list(over)}


def _same_number(known: pd.DataFrame, column: str) -> Iterator[_Pair]:
    if column not in known.columns:
        return
    number = known[column].str.replace(r"[^0-9A-Za-z]", "", regex=True).str.upper()
    for _, same in known[number.str.len() >= 5].groupby(number)["customer_id"]:
        first, *others = sorted(same)
        yield from ((first, other, column, 1.0) for other in others)


def _similar_names(known: pd.DataFrame, least: float) -> Iterator[_Pair]:
    """Pairs of similar names, each once, compared among those that begin alike and among those of one postcode."""
    if "name" not in known.columns:
        return
    named = known.dropna(subset=["name"]).sort_values("customer_id")
    plain = named["name"].map(plain_name)
    postcode = named["postcode"].fillna("").astype(str) if "postcode" in named.columns else ""
    texts = pd.DataFrame({"id": named["customer_id"], "plain": plain, "text": (plain + " " + postcode).str.strip()})
    texts = texts[texts["plain"].str.len() >= 3].sort_values(["text", "id"])
    texts["begins"] = texts["plain"].str.replace(r"(?<=[aou])e", "", regex=True).str[:3]
    texts["place"] = texts["text"].str[-5:].where(texts["text"] != texts["plain"])
    seen: dict[tuple[str, str], float] = {}
    for block in ("begins", "place"):
        for _, rows in texts.groupby(block, sort=False):
            for a, b, score in _similar_pairs(rows["id"].tolist(), rows["text"].tolist(), least):
                seen.setdefault((min(a, b), max(a, b)), score)
    yield from ((a, b, "name", score) for (a, b), score in sorted(seen.items()))


def _similar_pairs(ids: list[str], texts: list[str], least: float) -> Iterator[tuple[str, str, float]]:
    step = LONGEST_STRETCH // 2
    for start in range(0, max(len(ids) - step, 1), step):
        part = texts[start : start + LONGEST_STRETCH]
        scores = process.cdist(part, part, scorer=fuzz.ratio, score_cutoff=100 * least, dtype=np.float32)
        for i, j in zip(*np.nonzero(np.triu(scores, 1)), strict=True):
            yield ids[start + i], ids[start + j], round(float(scores[i, j]) / 100, 3)


def plain_name(name: str) -> str:
    """A company's name without case, accents, punctuation and legal form.

    >>> plain_name("Müller & Söhne GmbH & Co. KG")
    'muller sohne'
    """
    letters = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", " ", letters.replace(".", ""))
    return " ".join(_LEGAL_FORMS.sub(" ", words).split())
