"""The words kamkit thinks in: every code that may stand in a result. People read labels, never these."""

from __future__ import annotations

from enum import StrEnum


class Basis(StrEnum):
    """What accounts are ranked by."""

    REVENUE = "revenue"
    MARGIN = "margin"
    POTENTIAL = "potential"


class Level(StrEnum):
    """What counts as one account: the group of companies or the single customer number."""

    GROUP = "group"
    CUSTOMER = "customer"


class Grain(StrEnum):
    """How finely the transactions are dated. Rhythms need days; trends need at least months."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class AbcClass(StrEnum):
    """A, B, C at 80 and 95 % of the basis, the account that crosses a limit in the upper class."""

    A = "A"
    B = "B"
    C = "C"


class Tier(StrEnum):
    """`key`: in the smallest set reaching the threshold. `managed`: also within what can be managed, or decided so."""

    MANAGED = "managed"
    KEY = "key"
    OTHER = "other"


class Certainty(StrEnum):
    """How surely an account belongs to the smallest set reaching the threshold (domain S5)."""

    CLEAR = "clear"
    BORDERLINE = "borderline"
    OUTSIDE = "outside"


class WalletSource(StrEnum):
    """Who says what an account spends in all; `stated`: somebody did, and it is not known who."""

    CUSTOMER = "customer"
    KAM = "kam"
    STATED = "stated"
    MODEL = "model"


class KamType(StrEnum):
    """The three kinds of key account management, as kinds; pseudo is a status, not a type."""

    CONSUMER = "consumer"
    TECHNICAL = "technical"
    SERVICE = "service"
    UNCLEAR = "unclear"


class KamStatus(StrEnum):
    """Whether an account is treated as it is called (domain S6)."""

    REAL = "real"
    PSEUDO = "pseudo"
    DE_FACTO = "de_facto"
    GAP = "gap"
    NONE = "none"
    NOT_ASSESSABLE = "not_assessable"


class Verdict(StrEnum):
    """Whether the client's key account management exists (domain S6)."""

    REAL = "real"
    PARTIAL = "partial"
    PSEUDO = "pseudo"
    NO_KAM = "no_kam"
    NOT_ASSESSABLE = "not_assessable"


class Stage(StrEnum):
    """How intensely client and account work together, from the lowest up (McDonald & Woodburn)."""

    EXPLORATORY = "exploratory"
    BASIC = "basic"
    COOPERATIVE = "cooperative"
    INTERDEPENDENT = "interdependent"
    INTEGRATED = "integrated"


class Answer(StrEnum):
    """The outcome of one test of the existence check."""

    YES = "yes"
    NO = "no"
    NOT_ASSESSABLE = "not_assessable"


class Option(StrEnum):
    """The six strategic options of the source text, in its order."""

    EARLY_WARNING = "early_warning"
    CROSS_SELLING = "cross_selling"
    RELATIONSHIP = "relationship"
    ALLIANCE = "alliance"
    TAKEOVER = "takeover"
    PARTNERSHIP = "partnership"


BASIC_CARE = "basic_care"
"""What is recommended where no option could be: not one of the six."""


class Gate(StrEnum):
    """Whether an option may be considered for an account at all."""

    OPEN = "open"
    CLOSED = "closed"
    NOT_ASSESSABLE = "not_assessable"


class Evidence(StrEnum):
    """Where a threshold or weight comes from; printed beside every default."""

    NORM = "norm"
    STUDY = "study"
    CONVENTION = "convention"


class Severity(StrEnum):
    """How much a finding of the import matters."""

    INFO = "info"
    WARNING = "warning"


class StepState(StrEnum):
    """What became of one step of a run."""

    OK = "ok"
    FAILED = "failed"
    NOT_RUN = "not_run"
    CACHED = "cached"


class DecisionStatus(StrEnum):
    """How a decision of sales management stands (domain S13): without consultation of field sales it stays unconfirmed."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    EXPIRED = "expired"
    OPEN = "open"


REASON_CODES = (
    *("strategic", "potential", "reference", "margin", "risk", "capacity", "relationship", "knowledge", "other"),
)
"""Why sales management decides as it does; `other` needs a sentence."""


def wish(about: object, opinion: object) -> str | None:
    """What somebody wants (yes | no) who agrees or disagrees with a yes or a no; None for an abstention or no opinion.

    >>> wish("yes", "disagree"), wish("no", "disagree"), wish("yes", "abstain")
    ('no', 'yes', None)
    """
    sides = {"yes": "no", "no": "yes"}
    if not isinstance(about, str) or about not in sides or opinion not in ("agree", "disagree"):
        return None
    return about if opinion == "agree" else sides[about]
