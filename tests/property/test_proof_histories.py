"""No verdict is valid that the honest history does not give, whoever seals what; and no honest receipt is accused."""

from collections import Counter
from collections.abc import Iterable

import pytest

from support.offline.histories import History, Shown, drawn

NORMAL, LONG = 600, 20_000


def judged(questions: Iterable[Shown]) -> Counter[str]:
    """Every verdict compared with what really happened; how many there were of each kind."""
    found: Counter[str] = Counter()
    for one in questions:
        verdict = one.verdict().to_json()
        told = f"{one.name}: {verdict['code']}, now {one.now}, at {one.at}, {one.history}, {verdict['groups'][0]}"
        if verdict["verdict"] == "valid":
            assert one.history.gives(verdict, one.now, one.at) and one.speaks(verdict), told
        if one.honest and not bad_news(one):
            assert verdict["verdict"] != "invalid", told
        if one.good:
            assert verdict["verdict"] == "valid", told
        found[verdict["code"]] += 1
        found["good"] += one.good
        found["honest"] += one.honest
    return found


def bad_news(one: Shown) -> bool:
    """Something was recorded against the record that an honest receipt may well show."""
    history: History = one.history
    return bool(history.changes) or (history.taken is not None and history.taken <= (history.anchored or 0))


def test_no_receipt_of_some_hundred_histories_is_valid_unless_the_honest_history_gives_it() -> None:
    found = judged(drawn(NORMAL))
    assert found["in_force"] > NORMAL / 20 and found["good"] > NORMAL / 150 and found["honest"] > NORMAL / 5
    assert {"trust_stale", "proof_invalid", "withdrawn", "suspended", "status_stale", "not_anchored"} <= found.keys()


@pytest.mark.long
def test_no_receipt_of_twenty_thousand_histories_is_valid_unless_the_honest_history_gives_it() -> None:
    found = judged(drawn(LONG))
    assert found["issuer_not_permitted"] and found["in_force"] > LONG / 20
