"""After a run: what people confirm, decide and are asked stands beside the engagement file, with nothing of theirs lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from kamkit.analysis.decisions import candidates, named_accounts, snapshots, standing_decisions
from kamkit.analysis.stability import certainty
from kamkit.execution.project import Project
from kamkit.execution.settings import is_bundled
from kamkit.intake.consultation import CONSULTATION_FOLDER, opinions_told, read_consultations, refresh_consultations
from kamkit.intake.input_writing import Meeting, refresh_inputs
from kamkit.intake.inputs import decisions_elsewhere
from kamkit.intake.pseudonyms import read_key, revealed
from kamkit.model.codes import DecisionStatus
from kamkit.model.engagement import Engagement
from kamkit.model.results import AccountFacts, Imported, KamTypes, KeyAccounts, StrategyOptions
from kamkit.model.snapshots import about_decision
from kamkit.telling.results import finding_sentence, proposed_steps
from kamkit.telling.story import figures_of

Frames = Callable[[pd.DataFrame], pd.DataFrame]


def refresh_entries(project: Project) -> list[str]:
    """Bring inputs.xlsx and the consultation sheets up to date for the people who fill them in; what they entered stays.
    What could not be written is told."""
    engagement = project.engagement
    if is_bundled(engagement.file):
        return []
    imported, facts, key_accounts = project.known(Imported), project.known(AccountFacts), project.known(KeyAccounts)
    shown: Frames = read_key(engagement).reveal if engagement.pseudonymise else lambda frame: frame
    asked, meeting = None, None
    if facts and key_accounts:
        asked = shown(candidates(facts, key_accounts))
        meeting = Meeting(_on_the_table(asked, facts, engagement, shown), key_accounts.capacity.accounts)
    steps, figures = _seen_by_people(project)
    if engagement.pseudonymise and imported and facts:
        imported, facts = revealed(engagement, imported, facts)
    file = engagement.inputs
    try:
        path = engagement.folder / file
        findings = refresh_inputs(
            path,
            engagement.language,
            imported,
            facts,
            actions=steps,
            figures=figures,
            meeting=meeting,
            elsewhere=decisions_elsewhere(engagement),
        )
        file = CONSULTATION_FOLDER
        if asked is not None:
            to_ask = _to_ask(asked, engagement)
            findings += refresh_consultations(engagement.folder, engagement.language, to_ask)
    except OSError as error:
        return [f"{file} could not be refreshed: {error.strerror}"]
    return [finding_sentence(finding, project.labels) for finding in findings]


def _seen_by_people(
    project: Project,
) -> tuple[list[dict[str, Any]] | None, tuple[Mapping[str, str], dt.date] | None]:
    """The steps of the plan, and the fingerprints of what people see, by the real ids of accounts; nothing where a step of
    the run has no result."""
    options, key_accounts, facts = (
        project.known(StrategyOptions),
        project.known(KeyAccounts),
        project.known(AccountFacts),
    )
    kam_types = project.known(KamTypes)
    if key_accounts is None or facts is None:
        return None, None
    rows = snapshots(key_accounts, kam_types, options)
    names = map(about_decision, rows["subject"], rows["account_id"])
    steps, figures = None, dict(zip(names, rows["snapshot"], strict=True))
    if options is not None and kam_types is not None:
        steps = proposed_steps(options, key_accounts, facts.period.end, project.labels)
        figures |= figures_of(project)
    if project.engagement.pseudonymise:
        reveal = read_key(project.engagement).reveal_text
        steps = steps and [{k: reveal(v) if isinstance(v, str) else v for k, v in step.items()} for step in steps]
        figures = {reveal(name): seen for name, seen in figures.items()}
    return steps, (figures, project.today)


def _to_ask(asked: pd.DataFrame, engagement: Engagement) -> pd.DataFrame:
    """The candidates as field sales see them, with whom to ask: the field rep where one is known and may be named, else
    the region."""
    region = "Region " + asked["region"].astype("string")
    people = engagement.sales_people != "none"
    whom = asked["field_rep"].astype("string").fillna(region) if people else region
    return _proposed(asked).assign(addressee=whom)


def _proposed(asked: pd.DataFrame) -> pd.DataFrame:
    inside = asked["is_key_account"].astype(bool).map({True: "yes", False: "no"})
    sure = asked["membership_probability"].astype(float).map(certainty)
    return asked.assign(proposal=inside, in_set=inside, certainty=sure, tier=asked["proposed_tier"])


def _by_name(heard: pd.DataFrame, engagement: Engagement) -> pd.DataFrame:
    """What field sales answered, in which codes stand for people, with the names under which they answered."""
    answered = read_consultations(engagement.folder)
    if len(answered) != len(heard):
        return heard
    return heard.assign(**{c: answered[c].to_numpy() for c in ("addressee", "answered_by")})


def _on_the_table(asked: pd.DataFrame, facts: AccountFacts, engagement: Engagement, shown: Frames) -> pd.DataFrame:
    """The rows of the meeting: the candidates with what field sales say, then the wanted accounts without revenue."""
    heard = facts.tables.get("consultations")
    said = {} if heard is None else opinions_told(_by_name(shown(heard), engagement), engagement.language)
    rows = _proposed(asked).assign(new_account=None)
    taken = standing_decisions(facts)
    taken = taken[(taken["subject"] == "key_account") & (taken["status"] != DecisionStatus.EXPIRED)]
    wanted = taken.loc[taken["account_id"].isna(), ["new_account", "decision"]]
    named = named_accounts(facts)
    named = named.loc[named["account_id"].isna() & ~named["new_account"].isin(wanted["new_account"])]
    wanted = pd.concat([wanted.rename(columns={"decision": "decided"}), named[["new_account"]].drop_duplicates()])
    columns = "account_id new_account name revenue share in_set certainty opinions proposal decided"
    frames = [frame.reindex(columns=columns.split()).astype(object) for frame in (rows, shown(wanted))]
    table = pd.concat(frames, ignore_index=True)
    return table.assign(opinions=table["account_id"].fillna(table["new_account"]).map(said))
