"""The data request that stands in an engagement folder before its first run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from kamkit.deliver.html import render_request
from kamkit.model.engagement import LOCALES
from kamkit.model.kam_type_rules import load_kam_type_rules
from kamkit.model.option_rules import load_option_rules
from kamkit.telling.data_request import first_request
from kamkit.telling.language import Labels

NAMES = {"de": "Datenanforderung.html", "en": "data-request.html"}


def first_requests(client: str, today: dt.date) -> Mapping[str, str]:
    """The page of each language by its file name; no amounts are told, so the currency does not matter."""
    options, kam_types = load_option_rules(), load_kam_type_rules()
    return {
        NAMES[language]: render_request(
            first_request(client, options, kam_types, Labels(language, locale, "EUR"), today)
        )
        for language, locale in LOCALES.items()
    }
