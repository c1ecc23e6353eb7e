"""Stored steps come back as they were, whole, and only under their key."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamkit.execution.files import file_hash, hash_files, write_json, write_text
from kamkit.execution.store import StepStore, _unplain, key_of, plain, read_result, source_hash, write_result
from kamkit.model.codes import Grain, KamType, Level, Severity
from kamkit.model.engagement import Period
from kamkit.model.results import Finding


@dataclass(frozen=True)
class Inner:
    table: pd.DataFrame
    level: Level


@dataclass(frozen=True)
class Whole:
    period: Period
    grain: Grain
    day: dt.date
    share: float
    name: str | None
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]
    inner: Inner
    tables: Mapping[str, pd.DataFrame]
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "account_id": pd.array(["001", "ä", None], dtype="string"),
            "name": ["Müller, Söhne", None, '"quoted"\nline'],
            "revenue": [0.1 + 0.2, None, -3.0],
            "rank": pd.array([1, None, 3], dtype="Int64"),
            "is_key": pd.array([True, None, False], dtype="boolean"),
            "plain_flag": [True, False, True],
            "first_date": pd.to_datetime(["2025-01-01", None, "2025-03-01"]).astype("datetime64[us]"),
            "missing": [("customers.wallet", "contacts.level"), (), None],
            "values": [{"n": 1, "since": dt.date(2025, 1, 1)}, {}, {"names": ("a", "b"), "share": np.float64(0.5)}],
        }
    )


def whole() -> Whole:
    return Whole(
        period=Period(start=dt.date(2025, 1, 1), end=dt.date(2025, 12, 31)),
        grain=Grain.DAY,
        day=dt.date(2025, 2, 28),
        share=1.0,
        name=None,
        counts={"A": 1},
        findings=(Finding("few", "transactions", Severity.INFO, rows=3, values={"day": dt.date(2025, 1, 1), "n": 2}),),
        inner=Inner(frame(), Level.GROUP),
        tables={"privileges": frame(), "decisions": frame().iloc[:0]},
        frame=frame().set_index(pd.RangeIndex(5, 8)),
        notes=("one",),
        values={"by_year": {2025: 1.5}, "nothing": None, "at": dt.datetime(2025, 1, 1, 12)},
    )


def same(left: Any, right: Any) -> None:
    for part in dataclasses.fields(left):
        one, other = getattr(left, part.name), getattr(right, part.name)
        if isinstance(one, pd.DataFrame):
            pd.testing.assert_frame_equal(one, other)
        elif part.name == "tables":
            assert list(one) == list(other)
            for name in one:
                pd.testing.assert_frame_equal(one[name], other[name])
        elif part.name == "inner":
            same(one, other)
        else:
            assert one == other
            assert type(one) is type(other)


def test_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    write_result(tmp_path, whole())
    same(whole(), read_result(tmp_path, Whole))


def test_nothing_is_pickled(tmp_path: Path) -> None:
    write_result(tmp_path, whole())
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".parquet"}


def test_another_key_is_stale(tmp_path: Path) -> None:
    store = StepStore(tmp_path)
    store.save("facts", "old", whole())
    assert store.load("facts", "new", Whole) is None
    same(store.load("facts", "old", Whole), whole())


def test_only_the_newest_key_is_kept(tmp_path: Path) -> None:
    store = StepStore(tmp_path)
    for key in ("old", "new", "new"):
        store.save("facts", key, whole())
    assert [path.name for path in (tmp_path / "facts").iterdir()] == ["new"]


def test_a_damaged_step_counts_as_absent(tmp_path: Path) -> None:
    store = StepStore(tmp_path)
    store.save("facts", "key", whole())
    (tmp_path / "facts" / "key" / "frame.parquet").write_bytes(b"not parquet")
    assert store.load("facts", "key", Whole) is None


def test_a_result_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    store = StepStore(tmp_path)
    store.save("facts", "good", whole())
    with pytest.raises(TypeError, match="a object cannot be stored in a result"):
        store.save("facts", "bad", dataclasses.replace(whole(), values={"thing": object()}))
    assert not (tmp_path / "facts" / "bad").exists()
    assert list((tmp_path / "facts").glob(".new-*")) == []


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False),
    st.text(),
    st.dates(),
    st.datetimes(),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(st.one_of(st.text(), st.integers()), inner),
    ),
    max_leaves=12,
)


@given(VALUES)
def test_any_value_survives_json(value: Any) -> None:
    import json

    back = _unplain(json.loads(json.dumps(plain(value))))
    assert back == value
    assert type(back) is type(value)


def test_codes_and_missing_values_are_told_apart() -> None:
    assert plain(KamType.CONSUMER) == "consumer"
    assert _unplain(plain(pd.NaT)) is pd.NaT
    assert _unplain(plain(pd.NA)) is pd.NA
    assert plain(np.int64(3)) == 3


def test_keys_change_with_every_part() -> None:
    parts: list[list[Any]] = [[], [1], [2], ["1"], [1, None], [{"a": 1}], [{"a": 2}], [whole().period]]
    assert len({key_of(*part) for part in parts}) == len(parts)
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})


def test_source_hash_covers_the_parts_asked_for() -> None:
    assert source_hash("analysis") != source_hash("intake")
    assert source_hash() == source_hash()


def test_an_unchanged_file_is_read_once(tmp_path: Path) -> None:
    path, remembered = tmp_path / "a.csv", {}
    path.write_text("x", encoding="utf-8")
    first = file_hash(path, remembered)
    remembered[str(path)][2] = "from memory"
    assert file_hash(path, remembered) == "from memory"
    path.write_text("xy", encoding="utf-8")
    assert file_hash(path, remembered) not in (first, "from memory")


def test_hashes_are_named_relative_to_the_engagement(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.csv").write_text("x", encoding="utf-8")
    assert list(hash_files([tmp_path / "raw" / "a.csv"], tmp_path)) == ["raw/a.csv"]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "a.txt", "one\ntwo\n")
    assert (tmp_path / "deep" / "a.txt").read_bytes() == b"one\ntwo\n"
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        write_json(tmp_path / "deep" / "a.txt", {"x": float("nan")})
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.txt"]
