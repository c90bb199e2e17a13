"""What an auditor does: trace a catalog entry; and let the proofs name a record altered behind the service's back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

import samples
from demonstration.client import Client, wait_for
from demonstration.counter import FORGED
from demonstration.department import Anchored
from demonstration.processes import Instance
from demonstration.setting_up import MARK
from demonstration.story import Failed, Story


def trace(story: Story, instance: Instance, keys: dict[str, str]) -> None:
    """One entry has a second version, and its history agrees with the chain."""
    story.chapter("目录追溯", "Tracing a catalog entry")
    entry = next(catalog for catalog in samples.catalogs() if catalog["layer"] == "data")
    code = entry["catalogCode"]
    items = [*entry["items"], {"name": "经营范围", "dataType": "C", "length": 2000}]
    changed = entry | {"action": "change", "updateCycle": "2", "items": items}
    client = Client(instance.url, keys[entry["providerCode"]])
    if not client.post("/v1/catalogs", changed)["created"]:
        story.say("该变更在前次演示中已发布", "the change was published by an earlier demonstration")

    def history() -> Any:
        return client.get(f"/v1/catalogs/{code}/history")

    wait_for(
        lambda: all(version["state"] == "final" for version in history()["versions"]), "the catalog change on chain"
    )
    found = history()
    for one in found["versions"]:
        story.say(
            f"第 {one['sequence']} 版 {one['action']} {one['time']} 区块 {one['block']}",
            f"{one['digest'][:20]}… by {one['by']}",
        )
    story.expect(
        found["proof"]["outcome"] == "passed" and len(found["versions"]) == 2,
        "版本历史完整，与链上摘要一致",
        "the history has no gap and its end is the head on chain",
        found["proof"],
    )
    compared = client.get(f"/v1/catalogs/{code}/diff", **{"from": 1, "to": 2})["differences"]
    for difference in compared:
        story.say("差异 " + json.dumps(difference, ensure_ascii=False))
    text_of_all = json.dumps(compared, ensure_ascii=False)
    story.expect(
        "updateCycle" in text_of_all and "经营范围" in text_of_all,
        "逐字段列出两版差异",
        "the difference is told field by field: update cycle, a new item",
        compared,
    )


def alter(story: Story, instance: Instance, one: Anchored, key: str) -> None:
    """A record altered in the database is named by `verify` and `audit`; then the original bytes are put back."""
    story.chapter("绕过服务篡改数据库", "A record altered behind the service's back")
    public = Client(instance.url)
    disclosure = Client(instance.url, key).get(f"/v1/records/{one.id}")["disclosure"]
    database = _Database(instance)
    original = database.body(one.id)
    forged = original.replace(one.holder.encode(), FORGED.encode())
    database.keep(one.id, original)
    database.write(one.id, forged)
    story.say(f"SQL: UPDATE records SET body = … WHERE id = '{one.id}'", f"{one.holder} → {FORGED}")
    question = {
        "identifier": one.record["certificateIdentifier"],
        "certificateNumber": one.record["certificateNumber"],
        "certificateHolderName": FORGED,
    }
    verdict = public.post("/v1/verify", question)
    story.expect_verdict(verdict, ("invalid", "record_mismatch"), "核验被篡改的记录", "verify names the altered record")
    story.expect_verdict(
        public.post("/v1/verify", {"disclosure": disclosure}),
        ("valid", "in_force"),
        "持证人手中的原件仍可核验",
        "what the holder was given still verifies: the chain, not the database, decides",
    )
    _audit_names(story, instance, one.id)
    database.restore()
    story.say("演示已将原始内容写回数据库", "the demonstration put the original bytes back")
    code, found = instance.run("audit", allowed=(0, 1))
    story.expect(
        code == 0 and found["ok"], "恢复后审计一致", "after that the audit agrees with the chain", found["findings"]
    )


def _audit_names(story: Story, instance: Instance, record_id: str) -> None:
    with story.timed() as spent:
        code, found = instance.run("audit", allowed=(0, 1))
    named = [(entry["code"], entry["subject"]) for entry in found["findings"]]
    story.expect(
        code == 1 and named == [("record_altered", record_id)],
        "审计指出该记录，退出码 1",
        f"chain-service audit names it, and only it, exit code 1 ({spent[0]:.1f} s)",
        named,
    )
    for entry in found["findings"]:
        story.say(f"{entry['message']['zh']} {entry['subject']}", entry["message"]["en"])


def take_back(story: Story, instance: Instance) -> None:
    """Nothing that an interrupted demonstration altered is left altered."""
    database = _Database(instance)
    if database.restore():
        story.say("前次演示中断时未写回的内容已写回", "put back what an interrupted demonstration had left altered")


class _Database:
    """Somebody with the database's password and no other right. What it overwrites is kept in a file until put back."""

    def __init__(self, instance: Instance) -> None:
        self._engine = create_engine(f"sqlite:///{instance.data / 'chain_service.db'}")
        self._kept: Path = instance.data / MARK / "overwritten.json"

    def body(self, record_id: str) -> bytes:
        with self._engine.connect() as connection:
            found = connection.execute(text("SELECT body FROM records WHERE id = :id"), {"id": record_id}).scalar()
        if found is None:
            raise Failed(f"record {record_id} is not in the database")
        return bytes(found)

    def write(self, record_id: str, body: bytes) -> None:
        with self._engine.begin() as connection:
            connection.execute(text("UPDATE records SET body = :body WHERE id = :id"), {"body": body, "id": record_id})
        self._engine.dispose()

    def keep(self, record_id: str, body: bytes) -> None:
        self._kept.write_text(json.dumps({"id": record_id, "body": body.decode()}), encoding="utf-8")
        self._kept.chmod(0o600)

    def restore(self) -> bool:
        """Whether there was something to put back; it is back."""
        if not self._kept.exists():
            return False
        kept = json.loads(self._kept.read_text(encoding="utf-8"))
        self.write(kept["id"], kept["body"].encode())
        self._kept.unlink()
        return True
