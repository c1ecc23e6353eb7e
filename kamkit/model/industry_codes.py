"""Industry codes as clients write them: NACE Rev. 2 (WZ 2008) and NACE Rev. 2.1 (WZ 2025), both valid side by side.

The editions number their divisions alike but for vehicle trade, which NACE 2.1 took apart; the letters moved and are
never used. The type a division speaks for stands in `nace_kam_types.csv`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from kamkit.model.codes import KamType
from kamkit.model.kam_type_rules import KamTypeRules
from kamkit.model.words import plain

IMPOSSIBLE, UNKNOWN_EDITION = "impossible_division", "unknown_edition"

_OTHER_SYSTEMS = re.compile(r"\b\w*(sic|naics|gics|icb|trbc)\d*\b")
_NEW = re.compile(r"2 1\b|(?<!\d)21\b|2025|\bwz ?25\b")
_OLD = re.compile(r"2008|\bwz ?0?8\b|(nace|\br|rev|revision|version|\bv) ?2( 0)?\b|^2( 0)?$")
_NAMELESS = re.compile(r"(wz|o?nace|noga)?( code| schluessel)?")


class Edition(StrEnum):
    """Which list of divisions a code is taken from; `unsaid` where nobody says, `unknown` where it is neither."""

    NACE_2 = "nace2"
    NACE_2_1 = "nace2.1"
    UNSAID = "unsaid"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Reading:
    """What an industry code or text says: type, points, division; or why it says nothing."""

    kam_type: KamType
    points: int
    reason: str
    division: str | None = None


def edition_of(said: str) -> Edition:
    """The edition that a few words name.

    >>> [str(edition_of(said)) for said in ("WZ 2008", "NACE Rev. 2.1", "", "WZ 2003", "NAICS")]
    ['nace2', 'nace2.1', 'unsaid', 'unknown', 'unknown']
    """
    words = plain(said)
    if _NAMELESS.fullmatch(words):
        return Edition.UNSAID
    if _OTHER_SYSTEMS.search(words):
        return Edition.UNKNOWN
    return Edition.NACE_2_1 if _NEW.search(words) else Edition.NACE_2 if _OLD.search(words) else Edition.UNKNOWN


def read_code(
    code: str, version: str | None, role: Literal["client", "account"], rules: KamTypeRules
) -> Reading | None:
    """The type a NACE code speaks for as the client's (`client`) or an account's (`account`) industry.

    Any writing: 47.11, 47110, G47, C28, WZ 2008 47.11. The edition is the one that `version` names, else the code
    itself; where neither does, NACE 2 is read, unless only NACE 2.1 has the group. Codes of another edition or system say
    nothing. None where the text holds no code.
    """
    prefix, digits = _parts(code)
    if digits is None:
        return None
    edition = edition_of(version or "")
    if edition == Edition.UNSAID:
        edition = edition_of(prefix)
    if edition == Edition.UNKNOWN:
        return Reading(KamType.UNCLEAR, 0, UNKNOWN_EDITION, digits[:2])
    if edition == Edition.UNSAID and any(digits.startswith(_bare(group)) for group in rules.only_in_nace21):
        edition = Edition.NACE_2_1
    if edition == Edition.NACE_2_1:
        if digits[:2] == "45":
            return Reading(KamType.UNCLEAR, 0, IMPOSSIBLE, "45")
        moved = (new for old, new in rules.nace21.items() if digits.startswith(_bare(old)))
        digits = _bare(next(moved, digits))
    return reading_of(digits, role, rules)


def reading_of(code: str, role: Literal["client", "account"], rules: KamTypeRules) -> Reading:
    """The type that a code of NACE 2 speaks for, written as 47, 47.11 or 4711."""
    digits = _bare(code)
    found = rules.divisions.get(digits[:2])
    if found is None or (found.client is None and found.account is None):
        return Reading(KamType.UNCLEAR, 0, IMPOSSIBLE, digits[:2])
    refined = {_bare(group): kind for group, kind in getattr(rules.refinements, role).items()}
    group = max((prefix for prefix in refined if digits.startswith(prefix)), key=len, default=None)
    kind = refined[group] if group else getattr(found, role)
    if kind is None:
        return Reading(KamType.UNCLEAR, 0, "division_without_type", digits[:2])
    given = rules.industry_points
    own = given.ambiguous if found.ambiguous and not group else given.clear
    return Reading(kind, given.supplier if role == "client" else own, f"{role}_industry", digits[:2])


def _bare(code: str) -> str:
    return code.replace(".", "")


_PREFIX = re.compile(
    r"(?i)\s*((?:wz|o?nace|önace|noga)"
    r"(?:(?:08|25)(?=[\s:_-])|[\s._-]*(?:20(?:08|25)|rev\.?\s*2(?:\.1)?|2\.1|2(?=[\s:_-]))(?=[\s:._-])|))"
    r"[\s:._-]*(?=[a-z]?\s*\d)"
)
_CODE = re.compile(
    r"(?i)\s*(?:[a-z]{1,2}[\s.-]*)?(\d{2,6}(?:[.,\s-]\d{1,3}){0,3}|\d(?:[.,]\d{1,3}){0,3})(?=$|[\s,;:(–-]\D*)"
)


def _parts(code: str) -> tuple[str, str | None]:
    """The edition named before a code, and the code's digits, division first with its leading zero."""
    named = _PREFIX.match(code)
    found = _CODE.match(code, named.end() if named else 0)
    if not found:
        return "", None
    first, *rest = re.split(r"[.,\s-]", found[1])
    digits = first.zfill(2) + "".join(rest)
    return (named[1] if named else ""), digits if len(digits) <= 7 else None
