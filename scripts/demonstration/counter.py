"""What counter staff do: verify a good, a partial, a tampered and a withdrawn one, by content and by identifier."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

import samples
from demonstration.client import Client
from demonstration.department import Anchored, Department, withdraw
from demonstration.processes import Instance
from demonstration.story import Failed, Story

FORGED = "冒名者有限公司"
SECONDS = 2.0
"""The longest that a clerk should wait for a verdict."""


def choose(departments: dict[str, Department], count: int) -> list[Anchored]:
    """Business licences without end of validity, the first ones. Raises Failed if there are fewer."""
    today = date.today().isoformat()
    found = [
        certificate
        for department in departments.values()
        for certificate in department.certificates
        if certificate.record["certificateTypeName"] == "营业执照"
        and certificate.record["certificateEffectiveDate"] <= today
    ][:count]
    if len(found) < count:
        raise Failed("too few certificates: give a larger --n")
    return found


def verify(story: Story, instance: Instance, departments: dict[str, Department], chosen: Sequence[Anchored]) -> None:
    """Every way to ask, with the verdict that it must have."""
    story.chapter("窗口核验", "Verifying, as at a counter")
    good, bad = chosen[0], chosen[1]
    client = departments[good.org].client
    public = Client(instance.url)
    disclosure = client.get(f"/v1/records/{good.id}")["disclosure"]
    with story.timed() as spent:
        verdict = public.post("/v1/verify", {"disclosure": disclosure})
    story.expect_verdict(verdict, ("valid", "in_force"), "完好的证照", "a good certificate, by its disclosure")
    story.expect(spent[0] < SECONDS, f"{spent[0] * 1000:.0f} ms 得出结论", f"within {SECONDS:.0f} s", spent)
    _partial(story, instance, public, good)
    _by_identifier(story, public, good)
    tampered = json.loads(json.dumps(disclosure))
    tampered["record"]["holders"][0]["certificateHolderName"] = FORGED
    story.expect_verdict(
        public.post("/v1/verify", {"disclosure": tampered}),
        ("invalid", "record_mismatch"),
        "持证主体被改动的证照",
        "a tampered one: another holder's name",
    )
    _withdrawn(story, public, bad, departments[bad.org].client)
    _file(story, public)


def _partial(story: Story, instance: Instance, public: Client, one: Anchored) -> None:
    _, partial = instance.run("present", one.id, "--reveal", "certificateNumber")
    story.expect(
        one.holder not in json.dumps(partial, ensure_ascii=False),
        "部分披露不含持证主体名称",
        "a partial disclosure (chain-service present) shows the number and hides the holder",
    )
    story.expect_verdict(
        public.post("/v1/verify", {"disclosure": partial}), ("valid", "in_force"), "部分披露", "the partial disclosure"
    )


def _by_identifier(story: Story, public: Client, one: Anchored) -> None:
    question = {
        "identifier": one.record["certificateIdentifier"],
        "certificateNumber": one.record["certificateNumber"],
        "certificateHolderName": one.holder,
    }
    story.expect_verdict(
        public.post("/v1/verify", question),
        ("valid", "in_force_not_compared"),
        "按证照标识、编号和持证主体核验",
        "by identifier, number and holder name",
    )
    story.expect_verdict(
        public.post("/v1/verify", question | {"certificateHolderName": FORGED}),
        ("indeterminate", "not_anchored"),
        "持证主体不符，答复与查无记录相同",
        "with a wrong name: answered like an unknown identifier",
    )


def _withdrawn(story: Story, public: Client, one: Anchored, client: Client) -> None:
    view = client.get(f"/v1/records/{one.id}")
    withdraw(story, one, client)
    story.expect_verdict(
        public.post("/v1/verify", {"disclosure": view["disclosure"]}),
        ("invalid", "withdrawn"),
        "已撤销的证照",
        "a withdrawn one",
    )
    story.expect_verdict(
        public.post("/v1/verify", {"disclosure": view["disclosure"], "at": view["anchor"]["time"]}),
        ("valid", "in_force"),
        "同一证照，按撤销之前的时点",
        "the same one, asked about a moment before its withdrawal",
    )


def _file(story: Story, public: Client) -> None:
    _, _, name, content = next(samples.documents())
    story.expect_verdict(
        public.verify_file(name, content), ("valid", "in_force"), f"电子文书文件 {name}", "a document's file, by digest"
    )
    story.expect_verdict(
        public.verify_file(name, content + b"\n"),
        ("indeterminate", "not_anchored"),
        "多一个字节的文件",
        "the file with one byte more: nothing is anchored for it",
    )
