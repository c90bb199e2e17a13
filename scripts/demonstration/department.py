"""What a department does: anchor certificates, documents, a seal and catalog entries; and withdraw a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import samples
from demonstration.client import Client, wait_for
from demonstration.processes import Instance
from demonstration.story import Story

CHUNK = 10_000


@dataclass(frozen=True)
class Anchored:
    """A sample certificate and the id that the service gave it."""

    id: str
    org: str
    record: dict[str, Any]

    @property
    def holder(self) -> str:
        return str(self.record["holders"][0]["certificateHolderName"])


@dataclass(frozen=True)
class Department:
    """An organisation with its caller and all that it anchored, in order of submission."""

    client: Client
    certificates: tuple[Anchored, ...]


def register_seals(story: Story, instance: Instance, keys: dict[str, str]) -> None:
    """The sample seals are final on chain."""
    story.chapter("印章与目录上链", "Seals and catalog entries")
    public = Client(instance.url)
    seals = samples.seals()
    for seal in seals:
        Client(instance.url, keys[seal["ownerCode"]]).post("/v1/seals", seal)
    codes = [seal["sealCode"] for seal in seals]
    wait_for(lambda: all(public.get(f"/v1/seals/{code}")["state"] == "final" for code in codes), "seals on chain")
    found = {code: public.get(f"/v1/seals/{code}")["status"] for code in codes}
    story.expect(
        set(found.values()) == {"in_force"}, f"{len(found)} 枚印章已登记", f"{len(found)} seals in force", found
    )


def publish_catalogs(story: Story, instance: Instance, keys: dict[str, str]) -> None:
    """The sample catalog has at least its first versions on chain, each organisation's own."""
    public = Client(instance.url)
    known = {listed["catalogCode"] for listed in public.get("/v1/catalogs", limit=1000)["catalogs"]}
    entries = samples.catalogs()
    for code, key in keys.items():
        mine = [entry for entry in entries if entry["providerCode"] == code and entry["catalogCode"] not in known]
        if mine:
            Client(instance.url, key).post("/v1/catalogs", mine)

    def final() -> dict[str, str]:
        listed = public.get("/v1/catalogs", limit=1000)["catalogs"]
        return {entry["catalogCode"]: entry["layer"] for entry in listed if entry["state"] == "final"}

    wait_for(lambda: len(final()) >= len(entries), "catalog entries on chain")
    layers = list(final().values())
    counts = [f"{zh} {layers.count(layer)}" for layer, zh in (("duty", "职责"), ("data", "数据"), ("table", "库表"))]
    story.expect(
        len(layers) >= len(entries),
        f"{len(layers)} 条目录（{'、'.join(counts)}）",
        f"{len(layers)} catalog entries in three layers",
        layers,
    )


def anchor(story: Story, instance: Instance, keys: dict[str, str], n: int) -> dict[str, Department]:
    """`n` sample certificates and all sample documents are anchored; each organisation with what is its own."""
    story.chapter(f"{n:,} 份证照与文书上链", f"{n:,} certificates, and documents, over HTTP")
    lines: dict[str, list[dict[str, Any]]] = {code: [] for code in keys}
    for organisation, record in samples.certificates(n):
        lines[organisation.code].append(record)
    documents = [(organisation.code, record) for organisation, record, _, _ in samples.documents()]
    departments: dict[str, Department] = {}
    clients = {code: Client(instance.url, key) for code, key in keys.items()}
    new = 0
    with story.timed() as spent:
        for code, records in lines.items():
            answers = _submit(clients[code], records)
            new += sum(1 for answer in answers if answer["created"])
            anchored = (Anchored(answer["id"], code, record) for answer, record in zip(answers, records, strict=True))
            departments[code] = Department(clients[code], tuple(anchored))
        for code, record in documents:
            new += clients[code].post("/v1/records", record)["records"][0]["created"]
        wait_for(lambda: all(_all_anchored(client) for client in clients.values()), "records on chain")
    total = n + len(documents)
    story.say(f"{total:,} 份记录，其中 {new:,} 份为新记录，用时 {spent[0]:.1f} s", f"{new:,} of {total:,} are new")
    failed = [entry for client in clients.values() for entry in client.get("/v1/records", state="failed")["records"]]
    story.expect(not failed, "全部已上链，每机构一份日志", "all are anchored, in one log per organisation", failed)
    _repeat(story, departments, lines)
    return departments


def count(story: Story, departments: dict[str, Department]) -> None:
    """Every certificate that was acknowledged is anchored, each in a place of its own."""
    lost, places = [], set()
    for department in departments.values():
        for certificate in department.certificates:
            found = department.client.get(f"/v1/records/{certificate.id}")
            if found["state"] == "anchored":
                places.add((certificate.org, found["anchor"]["log"], found["index"]))
            else:
                lost.append((certificate.id, found["state"]))
    total = sum(len(department.certificates) for department in departments.values())
    story.expect(
        not lost and len(places) == total,
        f"{total:,} 份已受理的证照全部上链，各占一位，无一丢失或重复",
        f"all {total:,} acknowledged certificates are anchored exactly once: nothing is lost",
        lost or len(places),
    )


def _submit(client: Client, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(records), CHUNK):
        found += client.post_lines("/v1/records", records[start : start + CHUNK])
    return found


def _all_anchored(client: Client) -> bool:
    return not any(client.get("/v1/records", state=state, limit=1)["records"] for state in ("pending", "batched"))


def _repeat(story: Story, departments: dict[str, Department], lines: dict[str, list[dict[str, Any]]]) -> None:
    """Sending again is safe, and what is wrong is refused whole."""
    code, other = list(departments)[:2]
    first = departments[code].certificates[0]
    again = departments[code].client.post_lines("/v1/records", [first.record])[0]
    story.expect(
        again["id"] == first.id and not again["created"],
        "重复提交返回原编号",
        "a repeated submission gets the first id, nothing new",
        again,
    )
    status, problem = departments[other].client.refusal("/v1/records", [first.record])
    story.expect(
        (status, problem.get("code")) == (403, "wrong_organisation"),
        "他机构的密钥被拒绝",
        "another organisation's key is refused: wrong_organisation",
        problem,
    )
    broken = lines[code][1] | {"certificateIdentifier": lines[code][1]["certificateIdentifier"][:-1] + "*"}
    status, problem = departments[code].client.refusal("/v1/records", [first.record, broken])
    story.expect(
        (status, problem.get("code"), problem.get("line")) == (422, "malformed_record", 2),
        "校验位错误的一行使整个请求被拒绝并指明行号",
        "a wrong check character refuses the whole body and names line 2",
        problem,
    )


def withdraw(story: Story, one: Anchored, client: Client) -> None:
    """The certificate is withdrawn, final on chain."""
    change = {"to": "withdrawn", "reasonCode": 2, "legalBasis": "行政许可法 第六十九条", "text": "以欺骗手段取得"}
    done = client.post(f"/v1/records/{one.id}/status", change)
    if not done["created"]:
        story.say("该证照在前次演示中已撤销", "withdrawn by an earlier demonstration")
    wait_for(lambda: client.get(f"/v1/records/{one.id}")["status"] == "withdrawn", "the withdrawal on chain")
