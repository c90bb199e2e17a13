"""The offline page in a real browser, opened from a file: same verdicts as in Python, and not one request."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from offline_corpus import cases
from offline_questions import ISSUED, QBFT, Question, ask, refreshed, without_details
from receipt_world import NOW, TIME, Issued, trust_file

from chain_service.core.digests import file_digests
from chain_service.core.disclosures import reveal
from chain_service.core.receipts import encode

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

PAGE = Path(__file__).resolve().parents[2] / "chain_service" / "web" / "static" / "offline.html"
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ANSWER = """async (cases) => {
  const bytes = (text) => (text === null ? null : Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
  const answers = [];
  for (const { receipt, disclosure, files, trust, now, at } of cases) {
    let trusted = null;
    try {
      trusted = await readTrust(bytes(trust));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    const question = { receipt: bytes(receipt), disclosure: bytes(disclosure), files, trust: trusted, now };
    answers.push(trusted && (await judge({ ...question, at: at ?? undefined })));
  }
  return answers;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """The page from its file, in Chinese; at the end nothing went wrong in it and it asked for nothing but itself."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.clock.set_fixed_time(datetime.datetime.fromtimestamp(NOW, datetime.UTC))
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: troubles.append(request.url) if request.url != PAGE.as_uri() else None)
    page.goto(PAGE.as_uri())
    yield page
    context.close()
    assert troubles == []


def hand_in(page: Any, folder: Path, question: Question, **others: bytes) -> Any:
    """The banner that answers these files, dropped together."""
    named = {"a.receipt": question.receipt, "a.trust": question.trust, "disclosure.json": question.disclosure}
    files = {name: data for name, data in named.items() if data is not None} | others
    for name, data in files.items():
        (folder / name).write_bytes(data)
    page.set_input_files("#any", [str(folder / name) for name in files])
    page.wait_for_selector(".banner")
    return page.locator(".banner")


def test_both_verifiers_give_the_same_verdicts(page: Any) -> None:
    asked = cases()
    for start in range(0, len(asked), 50):
        part = asked[start : start + 50]
        for case, answer in zip(part, page.evaluate(ANSWER, part), strict=True):
            assert without_details(answer) == case["expected"], case["name"]


def test_three_files_dropped_together_are_answered_at_once(page: Any, tmp_path: Path) -> None:
    banner = hand_in(page, tmp_path, ask(""))
    assert banner.get_attribute("data-verdict") == "valid"
    assert page.locator(".tile-full").count() == 3
    assert page.locator(".step-yes").all_inner_texts() == [
        "L2\n机构日志签名\n已证明",
        "L3\n验证节点签署\n3/4 连续签署（多数）",
    ]
    assert "距今 60 秒" in page.locator(".sentences").inner_text()
    assert "云溪食品有限公司" in page.locator("#answer").inner_text()
    assert "".join(page.locator(".fingerprint span").all_inner_texts()) == ISSUED.trust.fingerprint


def test_a_verdict_takes_at_most_a_fifth_of_a_second(page: Any, tmp_path: Path) -> None:
    taken = []
    for _ in range(5):
        hand_in(page, tmp_path, ask("", QBFT, refreshed(QBFT)))
        page.wait_for_function("document.getElementById('took').textContent !== ''")
        taken.append(int(page.locator("#took").inner_text().split()[0]))
    assert min(taken) <= 200


def test_a_revoked_record_and_what_a_partial_disclosure_hides(page: Any, tmp_path: Path) -> None:
    content = ISSUED.content.disclosure
    shown = reveal(content.record, content.salt, ["holders.0.certificateHolderName"]).to_json()
    question = ask("", receipt=encode(refreshed(ISSUED, 2)), disclosure=json.dumps(shown).encode())
    page.clock.set_fixed_time(datetime.datetime.fromtimestamp(TIME + 3000, datetime.UTC))
    banner = hand_in(page, tmp_path, question)
    assert banner.get_attribute("data-verdict") == "invalid" and "已撤销" in banner.inner_text()
    words = page.locator("#answer").inner_text()
    assert "云溪食品有限公司" in words and "JY14301020001234" not in words
    assert "另有 6 项已证明存在，未出示" in words


def test_a_moment_in_the_past_is_asked_about_and_one_in_the_future_refused(page: Any, tmp_path: Path) -> None:
    page.clock.set_fixed_time(datetime.datetime.fromtimestamp(TIME + 3000, datetime.UTC))
    asked = ask("", receipt=encode(refreshed(ISSUED, 2)))
    assert hand_in(page, tmp_path, asked).get_attribute("data-verdict") == "invalid"

    def about(text: str) -> None:
        page.fill("#at", text)
        assert page.locator(".banner").count() == 0, "no verdict may stand beside another question"
        page.click("#verify")

    def utc(seconds: int) -> str:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    about(utc(TIME + 50))
    page.wait_for_selector(".banner-valid")
    china = datetime.datetime.fromtimestamp(TIME + 107, datetime.timezone(datetime.timedelta(hours=8)))
    about(china.strftime("%Y-%m-%d %H:%M:%S"))
    page.wait_for_selector(".banner-invalid")
    about(utc(TIME + 6))
    page.wait_for_selector(".banner-indeterminate")
    assert "未上链" in page.locator(".banner").inner_text()
    for text, said in ((utc(TIME + 3006), "不能晚于现在"), ("yesterday", "请写作"), ("2026-02-30", "请写作")):
        about(text)
        page.wait_for_function("document.getElementById('at-error').textContent !== ''")
        assert said in page.locator("#at-error").inner_text() and page.locator(".banner").count() == 0
    about("")
    page.wait_for_selector(".banner-invalid")
    assert page.locator("#at-error").inner_text() == ""


def test_forged_content_is_not_shown_as_a_record(page: Any, tmp_path: Path) -> None:
    forged = json.loads(ISSUED.disclosed)
    forged["record"]["holders"][0]["certificateHolderName"] = "<img src=x onerror=alert(1)>"
    banner = hand_in(page, tmp_path, ask("", disclosure=json.dumps(forged).encode()))
    assert banner.get_attribute("data-verdict") == "invalid"
    assert "onerror" not in page.locator("#answer").inner_text() and page.locator("#answer img").count() == 0


def test_an_original_file_is_compared_by_both_digests(page: Any, tmp_path: Path) -> None:
    files = [{"digests": file_digests("电子证照".encode())}]
    issued = Issued(content=ISSUED.content.holding(dict(ISSUED.content.disclosure.record.body) | {"files": files}))
    hand_in(page, tmp_path, ask("", issued), **{"证照.ofd": "电子证照".encode()})
    assert page.locator(".banner").get_attribute("data-verdict") == "valid"
    assert "未检查文件自身的电子签章" in page.locator(".note-warning").inner_text()
    page.locator("#tile-files .remove").click()
    (tmp_path / "other.ofd").write_bytes(b"other")
    page.set_input_files("#input-files", str(tmp_path / "other.ofd"))
    page.wait_for_selector(".banner-invalid")
    assert "内容被篡改" in page.locator(".banner").inner_text()


def test_a_trust_file_that_is_none_verifies_nothing(page: Any, tmp_path: Path) -> None:
    banner = hand_in(page, tmp_path, ask("", trust=ask("").trust[:-1]))
    assert banner.get_attribute("data-verdict") == "error" and "信任文件不能使用" in banner.inner_text()
    assert page.locator("#verify").is_disabled() and page.locator(".tile-bad").count() == 1


def test_old_trust_and_old_status_are_said_with_their_age(page: Any, tmp_path: Path) -> None:
    page.clock.set_fixed_time(datetime.datetime.fromtimestamp(TIME + 400 * 86_400, datetime.UTC))
    banner = hand_in(page, tmp_path, ask(""))
    assert banner.get_attribute("data-verdict") == "indeterminate" and "已过时" in banner.inner_text()
    warnings = page.locator(".note-warning").inner_text()
    assert "信任文件已过期，签发至今 410 天" in warnings and "399 天" in warnings


def test_a_proof_for_reading_is_sent_back(page: Any, tmp_path: Path) -> None:
    (tmp_path / "proof.json").write_text('{"entry": "00", "index": 1, "size": 2, "path": []}', encoding="utf-8")
    page.set_input_files("#any", str(tmp_path / "proof.json"))
    page.wait_for_selector(".banner-error")
    assert ".receipt" in page.locator(".banner").inner_text()


def test_the_language_changes_everything_and_a_phone_suffices(page: Any, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    hand_in(page, tmp_path, ask("", Issued("clique", 1)))
    page.click("button[data-language=en]")
    assert page.title() == "Offline verification" and "Trial chain" in page.locator("#answer").inner_text()
    for word in ("核验", "有效", "区块", "通过", "信任"):
        assert word not in page.locator("#ask").inner_text() + page.locator(".ladder").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_trust_file_of_another_chain_is_not_enough(page: Any, tmp_path: Path) -> None:
    foreign = Issued("clique", 7)
    question = ask("", trust=ask("", foreign).trust)
    assert trust_file(foreign.chain).fingerprint != ISSUED.trust.fingerprint
    assert "凭证无效" in hand_in(page, tmp_path, question).inner_text()
    assert page.locator(".step-yes").count() == 0
