"""Which customers are one account: companies under common control count as one customer (IFRS 8.34; norm).

Confirmed group, else group id, else the top of the parent chain, else the customer itself. Candidates that only look
like one group are proposed to a person and never merged.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process

from kamkit.model.results import Finding

CONFIRMED, GROUP_ID, PARENT, NONE = "confirmed", "group_id", "parent", "none"
PREFIX = "G:"
"""Before a group's id where a customer outside the group has the same id."""

NAME_SIMILARITY = 0.92
"""From here on two names with postcode are proposed as one company (convention)."""

CANDIDATE_COLUMNS = ("group_id", "customer_id", "name", "evidence", "similarity")

_LEGAL_FORMS = re.compile(
    r"\b(?:gmbh|mbh|ag|kgaa|kg|ohg|gbr|se|ev|eg|ug|co|cie|inc|llc|ltd|limited|plc|corp|sa|sas|sarl|srl|spa|bv|nv|ab|as|oy)\b"
)


@dataclass(frozen=True)
class Groups:
    """`members`, one row per customer: customer_id, account_id, group_source (confirmed | group_id | parent | none)."""

    members: pd.DataFrame
    findings: tuple[Finding, ...]


def assign_groups(
    customer_ids: pd.Series, customers: pd.DataFrame | None = None, confirmed: pd.DataFrame | None = None
) -> Groups:
    """The account of every customer on group level.

    `customer_ids` are those with lines; `customers` the master (customer_id unique, [group_id], [parent_id]);
    `confirmed` what a person has confirmed (customer_id, group_id). A member follows its parent into the parent's
    group. A cycle of parents is broken at its smallest id. A group id that is the number of a customer outside the
    group gets the prefix `G:`.
    """
    master = pd.DataFrame({"customer_id": []}, dtype="string") if customers is None else customers
    known = set(customer_ids.dropna()) | set(master["customer_id"])
    chain = _Chain(known, _links(confirmed, "group_id"), _links(master, "group_id"), _links(master, "parent_id"))
    ends = {customer: chain.end(customer) for customer in sorted(known)}
    clashes = _clashes(ends, known | set(chain.parents.values()))
    members = pd.DataFrame(
        [
            (customer, f"{PREFIX}{account}" if is_group and account in clashes else account, source)
            for customer, (account, is_group, source) in ends.items()
        ],
        columns=["customer_id", "account_id", "group_source"],
        dtype="string",
    )
    return Groups(members, tuple(_findings(chain, clashes, known)))


class _Chain:
    """The way from a customer to its account, one link after the other."""

    def __init__(
        self, known: set[str], confirmed: Mapping[str, str], groups: Mapping[str, str], parents: Mapping[str, str]
    ) -> None:
        self._known, self._confirmed, self._groups, self.parents = known, confirmed, groups, parents
        self.cycles: set[tuple[str, ...]] = set()

    def end(self, customer: str) -> tuple[str, bool, str]:
        """account_id, whether it is the id of a group rather than of a customer, and the source of the first link."""
        way, source = [customer], NONE
        while True:
            here = way[-1]
            if here in self._confirmed:
                link, following = CONFIRMED, self._confirmed[here]
            elif here in self._groups:
                return self._groups[here], True, GROUP_ID if source == NONE else source
            elif here in self.parents:
                link, following = PARENT, self.parents[here]
            else:
                return here, False, source
            source = link if source == NONE else source
            if following == here:
                return here, False, source
            if link == CONFIRMED and following not in self._known:
                return following, True, source
            if following in way:
                cycle = tuple(sorted(way[way.index(following) :]))
                self.cycles.add(cycle)
                return cycle[0], False, source
            way.append(following)


def _links(table: pd.DataFrame | None, column: str) -> dict[str, str]:
    """customer_id → the id in a column, where there is one other than its own parent."""
    if table is None or column not in table.columns:
        return {}
    given = table.dropna(subset=["customer_id", column])
    if column == "parent_id":
        given = given[given["parent_id"] != given["customer_id"]]
    return dict(zip(given["customer_id"].astype(object), given[column].astype(object), strict=True))


def _clashes(ends: Mapping[str, tuple[str, bool, str]], numbers: set[str]) -> set[str]:
    """Group ids that are also the number of a customer that does not belong to the group."""
    groups = {account for account, is_group, _ in ends.values() if is_group}
    return {group for group in groups & numbers if group not in ends or ends[group][:2] != (group, True)}


def _findings(chain: _Chain, clashes: set[str], known: set[str]) -> Iterator[Finding]:
    if chain.cycles:
        examples = tuple(" → ".join((*cycle, cycle[0])) for cycle in sorted(chain.cycles))
        yield Finding(
            "parent_cycle", "customers", rows=len(examples), examples=examples[:5], values={"n": len(examples)}
        )
    missing = sorted({parent for parent in chain.parents.values() if parent not in known})
    if missing:
        yield Finding(
            "missing_parent", "customers", rows=len(missing), examples=tuple(missing[:5]), values={"n": len(missing)}
        )
    if clashes:
        examples = tuple(sorted(clashes))
        yield Finding(
            "group_id_clash", "customers", rows=len(examples), examples=examples[:5], values={"n": len(examples)}
        )


def group_candidates(customers: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Customers of different accounts that may be one company, for a person to confirm.

    group_id (the smallest account id among them), customer_id, name, evidence (vat_id | lei | name), similarity (1 for
    a shared VAT id or LEI, which is strong; at least .92 for name with postcode, which is weak). Never merged.
    """
    known = customers.drop(columns="account_id", errors="ignore").merge(members[["customer_id", "account_id"]])
    accounts = dict(zip(known["customer_id"], known["account_id"], strict=True))
    names = dict(zip(known["customer_id"], known["name"], strict=True)) if "name" in known.columns else {}
    pairs = [*_same_number(known, "vat_id"), *_same_number(known, "lei"), *_similar_names(known)]
    pairs = [pair for pair in pairs if accounts[pair[0]] != accounts[pair[1]]]
    groups = _proposed_groups([(accounts[a], accounts[b]) for a, b, *_ in pairs], members)
    rows: dict[str, tuple[str, str, str | None, str, float]] = {}
    for *pair, evidence, similarity in pairs:
        for customer in pair:
            row = (groups[accounts[customer]], customer, names.get(customer), evidence, similarity)
            rows.setdefault(customer, row)
    return pd.DataFrame(sorted(rows.values()), columns=list(CANDIDATE_COLUMNS))


def _proposed_groups(pairs: list[tuple[str, str]], members: pd.DataFrame) -> dict[str, str]:
    """The account that each of some pairwise linked accounts would join: one that is a group already, else the first."""
    sizes = members["account_id"].value_counts()
    joined: dict[str, set[str]] = {}
    for a, b in pairs:
        together = joined.get(a, {a}) | joined.get(b, {b})
        joined |= dict.fromkeys(together, together)
    return {
        a: min(together, key=lambda account: (sizes.get(account, 1) == 1, account)) for a, together in joined.items()
    }


def _same_number(known: pd.DataFrame, column: str) -> Iterator[tuple[str, str, str, float]]:
    if column not in known.columns:
        return
    number = known[column].str.replace(r"[^0-9A-Za-z]", "", regex=True).str.upper()
    for _, same in known[number.str.len() >= 5].groupby(number)["customer_id"]:
        first, *others = sorted(same)
        yield from ((first, other, column, 1.0) for other in others)


def _similar_names(known: pd.DataFrame) -> Iterator[tuple[str, str, str, float]]:
    """Pairs of similar names, compared among those that begin alike."""
    if "name" not in known.columns:
        return
    named = known.dropna(subset=["name"]).sort_values("customer_id")
    plain = named["name"].map(plain_name)
    postcode = named["postcode"].fillna("") if "postcode" in named.columns else pd.Series("", index=named.index)
    for _, block in named[plain.str.len() >= 3].groupby(plain.str[:3]):
        ids = block["customer_id"].tolist()
        texts = (plain[block.index] + " " + postcode[block.index].astype(str)).str.strip().tolist()
        scores = process.cdist(texts, texts, scorer=fuzz.ratio, score_cutoff=100 * NAME_SIMILARITY, dtype=np.float32)
        for i, j in combinations(range(len(ids)), 2):
            if scores[i, j]:
                yield ids[i], ids[j], "name", round(float(scores[i, j]) / 100, 3)


def plain_name(name: str) -> str:
    """A company's name without case, accents, punctuation and legal form.

    >>> plain_name("Müller & Söhne GmbH & Co. KG")
    'muller sohne'
    """
    letters = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", " ", letters.replace(".", ""))
    return " ".join(_LEGAL_FORMS.sub(" ", words).split())
