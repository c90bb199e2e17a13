"""Writes sample data of an invented city: organisations, types, permits, seals, catalogs, certificates, documents.

The same numbers give the same bytes. Every name, code and person is made up; codes and check characters are valid.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from chain_service.core.encoding.digests import file_digests
from chain_service.core.records.identifiers import CertificateIdentifier, TypeCode, is_org_code, org_code_checks

SEED = 20250801
CITY = "临澜市"
REGION = "439900"
FIRST_DAY, LAST_DAY = date(2023, 1, 3), date(2025, 12, 31)
_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@cache
def org_code(category: str, body: str) -> str:
    """The unified social credit code of an organisation body (8 characters) with both check characters right."""
    for first in _LETTERS:
        for second in _LETTERS:
            code = f"{category}{REGION}{body}{first}{second}"
            if is_org_code(code) and org_code_checks(code):
                return code
    raise ValueError(f"no check characters fit {body}")


def citizen_number(birth: date, sequence: int) -> str:
    """A citizen number of the invented region with its check character (GB 11643, ISO 7064 MOD 11-2)."""
    digits = f"{REGION}{birth:%Y%m%d}{sequence:03d}"
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(digits))
    return digits + "10X98765432"[total % 11]


@dataclass(frozen=True)
class Organisation:
    """A department: short key, name, and what it must hold and keep for its two duties."""

    key: str
    name: str
    body: str
    duties: tuple[tuple[str, str], ...]
    """Pairs of a duty and the data that serve it."""

    @property
    def code(self) -> str:
        return org_code("11", self.body)


MARKET = Organisation("market", f"{CITY}市场监督管理局", "00612301", (
    ("市场主体登记注册", "市场主体登记信息"), ("食品经营许可", "食品经营许可信息")))  # fmt: skip
HOUSING = Organisation("housing", f"{CITY}住房和城乡建设局", "00612302", (
    ("建筑工程施工许可", "建筑工程施工许可信息"), ("建筑施工企业监督", "建筑施工企业安全生产许可信息")))  # fmt: skip
EDUCATION = Organisation("education", f"{CITY}教育局", "00612303", (
    ("教师资格认定", "教师资格信息"), ("民办学校审批", "民办学校办学许可信息")))  # fmt: skip
HEALTH = Organisation("health", f"{CITY}卫生健康委员会", "00612304", (
    ("医疗机构设置审批", "医疗机构执业登记信息"), ("护士执业注册", "护士执业注册信息")))  # fmt: skip
TRANSPORT = Organisation("transport", f"{CITY}交通运输局", "00612305", (
    ("道路运输经营许可", "道路运输经营许可信息"), ("营运车辆管理", "营运车辆信息")))  # fmt: skip
ORGANISATIONS = (MARKET, HOUSING, EDUCATION, HEALTH, TRANSPORT)
PROVINCE = org_code("11", "00612300")


@dataclass(frozen=True)
class Type:
    """A certificate type and who issues it; `years` of validity, None without end."""

    number: str
    name: str
    prefix: str
    issuer: Organisation
    holder: str
    years: int | None
    scope: tuple[str, ...]
    """What the sector field of such a certificate may say."""

    @property
    def code(self) -> TypeCode:
        return TypeCode(PROVINCE + self.number)


TYPES = (
    Type("001", "食品经营许可证", "JY", MARKET, "法人", 5, ("预包装食品销售", "热食类食品制售", "糕点类食品制售")),
    Type("002", "营业执照", "YZ", MARKET, "法人", None, ("软件开发", "日用百货销售", "信息技术咨询服务")),
    Type("003", "建筑工程施工许可证", "SG", HOUSING, "法人", 3, ("住宅工程", "市政道路工程", "学校建设工程")),
    Type("004", "教师资格证书", "JS", EDUCATION, "自然人", None, ("高级中学语文", "初级中学数学", "小学英语")),
    Type("005", "护士执业证书", "HS", HEALTH, "自然人", 5, ("护理", "助产", "社区护理")),
    Type("006", "道路运输经营许可证", "YS", TRANSPORT, "法人", 4, ("道路普通货物运输", "县际班车客运", "旅游包车客运")),
)
SEALED = {MARKET.key: "43990000061230", HOUSING.key: "43990000061231"}
"""Seal code of the organisations that have one."""

_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许"
_GIVEN = ("思远", "若岚", "景行", "清扬", "望舒", "知微", "怀瑾", "临川", "晓棠", "子衿", "云起", "疏桐")
_BRANDS = ("澜沧", "青禾", "云帆", "拾光", "松间", "远岫", "鹿鸣", "星渚", "稻香", "汀兰", "安和", "万象")
_TRADES = ("食品", "建筑工程", "科技", "物流", "商贸", "文化传媒", "环境工程", "医疗器械")
_STREETS = ("望江路", "听涛街", "学府路", "白鹭大道", "渡口巷", "梅溪路")


def organisations() -> list[dict[str, str]]:
    return [{"code": each.code, "name": each.name} for each in ORGANISATIONS]


def types() -> list[dict[str, Any]]:
    return [
        {
            "certificateTypeCode": each.code,
            "certificateTypeName": each.name,
            "definingOrganCode": PROVINCE,
            "definingOrganName": "临江省政务服务管理局",
            "holderCategory": each.holder,
            "validity": f"{each.years}年" if each.years else "长期",
            "level": "地市",
            "labels": {"scope": {"zh": "许可范围", "en": "scope"}, "address": {"zh": "地址", "en": "address"}},
        }
        for each in TYPES
    ]


def permits() -> list[dict[str, Any]]:
    """Who may issue what from when; every certificate is issued on a permitted day."""
    return [
        {"organisation": each.issuer.code, "certificateType": each.code, "from": "2020-01-01"}
        | ({"until": LAST_DAY.isoformat()} if each.issuer is TRANSPORT else {})
        for each in TYPES
    ]


def seals() -> list[dict[str, Any]]:
    owners = {each.key: each for each in ORGANISATIONS}
    return [
        {
            "sealCode": code,
            "sealName": owners[key].name,
            "ownerCode": owners[key].code,
            "sealType": "01",
            "digests": file_digests(f"sample seal {code}".encode()),
            "signerCertificates": [f"sha-256:{file_digests(f'sample signer {code}'.encode())['sha-256']}"],
            "validFrom": "2020-01-01",
            "validUntil": "2035-12-31",
        }
        for key, code in SEALED.items()
    ]


_ITEMS = tuple(
    {"name": name, "dataType": kind, "length": length}
    for name, kind, length in (
        ("统一社会信用代码", "C", 18),
        ("名称", "C", 200),
        ("证照编号", "C", 64),
        ("颁发日期", "D", 10),
        ("有效期截止日期", "D", 10),
        ("状态", "C", 2),
    )
)


def catalogs() -> list[dict[str, Any]]:
    """Thirty entries: each organisation's two duties, the data that serve them, the tables that hold the data.

    The last organisation's two tables hold the same data, so one of its data entries has no table: a finding.
    """
    entries = []
    for place, organisation in enumerate(ORGANISATIONS, start=1):
        for n, (duty, data) in enumerate(organisation.duties, start=1):
            codes = {layer: f"3{place:02d}{number}/{n:06d}" for layer, number in
                     (("duty", "001"), ("data", "002"), ("table", "003"))}  # fmt: skip
            mounted = codes["data"] if organisation is not TRANSPORT else f"3{place:02d}002/000001"
            common: dict[str, Any] = {"providerCode": organisation.code, "action": "publish"}
            entries.append({"catalogCode": codes["duty"], "layer": "duty", "title": duty,
                          "summary": f"依据三定规定，{organisation.name}负责{duty}。",
                          "legalBasis": f"{CITY}机构编制委员会文件", **common})  # fmt: skip
            entries.append(_data_entry(codes["data"], data, n, common) | {"links": [codes["duty"]]})
            entries.append({"catalogCode": codes["table"], "layer": "table", "title": f"{data}库表", "format": "3",
                          "items": list(_ITEMS),
                          "updateCycle": "2", "links": [mounted],
                          "extension": {"system": f"{organisation.key}_core", "table": f"t_{organisation.key}_{n}"},
                          **common})  # fmt: skip
    return entries


def _data_entry(code: str, title: str, n: int, common: dict[str, Any]) -> dict[str, Any]:
    conditional = {"sharingType": "2", "sharingCondition": "行政机关依法履职需要", "legalBasis": "政务数据共享条例"}
    return {
        "catalogCode": code,
        "layer": "data",
        "title": title,
        "summary": f"{title}，含编号、持证主体、日期和状态。",
        "format": "3",
        "items": list(_ITEMS[: 4 + n]),
        "sharingMethod": "3",
        "classification": "一般数据",
        "open": n == 1,
        "updateCycle": "4",
        **({"sharingType": "1"} if n == 1 else conditional),
        **common,
    }


def certificates(n: int, seed: int = SEED) -> Iterator[tuple[Organisation, dict[str, Any]]]:
    """`n` certificates, types in turn, each with its issuer."""
    chance = random.Random(seed)
    for place in range(n):
        kind = TYPES[place % len(TYPES)]
        yield kind.issuer, _certificate(kind, place, chance)


def _certificate(kind: Type, place: int, chance: random.Random) -> dict[str, Any]:
    issued = FIRST_DAY + timedelta(days=chance.randrange((LAST_DAY - FIRST_DAY).days + 1))
    number = f"{kind.prefix}{issued:%Y}{place:08d}"
    value: dict[str, Any] = {
        "kind": "certificate",
        "certificateTypeCode": kind.code,
        "certificateTypeName": kind.name,
        "certificateName": kind.name,
        "certificateNumber": number,
        "certificateIdentifier": str(CertificateIdentifier(kind.code, kind.issuer.code, number, "001")),
        "certificateIssuingAuthorityCode": kind.issuer.code,
        "certificateIssuingAuthorityName": kind.issuer.name,
        "certificateIssuedDate": issued.isoformat(),
        "certificateEffectiveDate": issued.isoformat(),
        "holders": [_person(chance) if kind.holder == "自然人" else _company(place, chance)],
        "files": [{"mediaType": "application/ofd", "digests": file_digests(chance.randbytes(32))}],
        "extension": {
            "scope": chance.choice(kind.scope),
            "address": f"{CITY}{chance.choice(_STREETS)}{chance.randint(1, 299)}号",
        },
    }
    if kind.years:
        # The day before the anniversary of the first day of a month always exists.
        last = date(issued.year + kind.years, issued.month, 1) + timedelta(days=issued.day - 2)
        value["certificateExpiringDate"] = last.isoformat()
    if kind.issuer.key in SEALED:
        value["sealCodes"] = [SEALED[kind.issuer.key]]
    return value


def _company(place: int, chance: random.Random) -> dict[str, str]:
    name = f"{CITY}{chance.choice(_BRANDS)}{chance.choice(_TRADES)}有限公司"
    code = org_code("91", f"MA{place % 961 // 31:02d}{place % 31:02d}QW")
    return {"certificateHolderName": name, "certificateHolderCode": code, "certificateHolderTypeCode": "001"}


def _person(chance: random.Random) -> dict[str, str]:
    birth = date(1965, 1, 1) + timedelta(days=chance.randrange(12_000))
    return {
        "certificateHolderName": chance.choice(_SURNAMES) + chance.choice(_GIVEN),
        "certificateHolderCode": citizen_number(birth, chance.randrange(1000)),
        "certificateHolderTypeCode": "111",
    }


def documents() -> Iterator[tuple[Organisation, dict[str, Any], str, bytes]]:
    """Two documents of each organisation with the name and bytes of the file whose digests they hold."""
    for organisation in ORGANISATIONS:
        for n, (duty, _) in enumerate(organisation.duties, start=1):
            title = f"关于同意办理{duty}事项的批复"
            number = f"临{organisation.name[3]}审〔2025〕{n}号"
            issued = date(2025, 3, 3) + timedelta(days=n)
            text = f"{title}\n{number}\n\n经审查，同意办理。\n\n{organisation.name}\n{issued.isoformat()}\n".encode()
            record = {
                "kind": "document",
                "documentTypeCode": "批复",
                "documentNumber": number,
                "title": title,
                "issuingOrganisationCode": organisation.code,
                "issuedDate": issued.isoformat(),
                "files": [{"mediaType": "text/plain", "digests": file_digests(text)}],
            }
            yield organisation, record, f"{organisation.key}-{n}.txt", text


def sample_files(n: int, seed: int = SEED) -> dict[str, bytes]:
    """Every file of the sample data, path below the output folder to content."""
    files: dict[str, bytes] = {
        "organisations.json": _pretty(organisations()),
        "permits.json": _pretty(permits()),
        **{f"types/{value['certificateTypeCode']}.json": _pretty(value) for value in types()},
        **{f"seals/{value['sealCode']}.json": _pretty(value) for value in seals()},
        **{f"catalogs/{place:02d}-{v['layer']}.json": _pretty(v) for place, v in enumerate(catalogs(), start=1)},
    }
    lines: dict[str, list[str]] = {}
    for organisation, record in certificates(n, seed):
        lines.setdefault(f"certificates-{organisation.code}.ndjson", []).append(_line(record))
    for organisation, record, name, content in documents():
        lines.setdefault(f"documents-{organisation.code}.ndjson", []).append(_line(record))
        files[f"files/{name}"] = content
    return files | {path: "".join(each).encode() for path, each in lines.items()}


def _pretty(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to; made if it is missing")
    parser.add_argument("--n", type=int, default=1_000, help="number of certificates (default 1,000)")
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    for name, content in sample_files(arguments.n, arguments.seed).items():
        path = arguments.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    print(f"{arguments.n} certificates and all that belongs to them are in {arguments.out}")


if __name__ == "__main__":
    main()
