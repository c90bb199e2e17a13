"""A clerk at a counter uses the page in a real browser."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from support.worlds.clerk import verify_files
from support.worlds.running_instance import Instance, wait_until_anchored

Anchored = list[dict[str, Any]]


def written(folder: Path, name: str, value: object) -> str:
    file = folder / name
    file.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return str(file)


def test_a_disclosure_is_valid_and_shows_why(page: Any, anchored: Anchored, tmp_path: Path) -> None:
    banner = verify_files(page, written(tmp_path, "disclosure.json", anchored[0]["disclosure"]))
    assert banner.get_attribute("data-verdict") == "valid"
    assert "有效" in banner.inner_text() and "可以采信" in banner.inner_text()
    assert "试验链" in page.locator(".note-trial").inner_text()
    assert page.locator(".check").count() == 9
    check = page.locator(".check", has_text="收录于机构日志")
    assert check.locator(".evidence").is_hidden()
    check.locator("summary").click()
    assert check.locator(".evidence").is_visible()
    assert anchored[0]["record"]["certificateNumber"] in page.locator("#answer").inner_text()


def test_a_tampered_disclosure_is_invalid(page: Any, anchored: Anchored, tmp_path: Path) -> None:
    forged = copy.deepcopy(anchored[0]["disclosure"])
    forged["record"]["holders"][0]["certificateHolderName"] = "<img src=x onerror=alert(1)>"
    banner = verify_files(page, written(tmp_path, "forged.json", forged))
    assert banner.get_attribute("data-verdict") == "invalid"
    assert "与链上记录不一致" in banner.inner_text()
    assert page.locator("#answer img").count() == 0
    assert page.locator(".check-failed[open]").count() == 1


def test_a_document_never_displays_as_a_certificate(
    page: Any, service: Instance, anchored: Anchored, tmp_path: Path
) -> None:
    fields = {
        "certificateHolderName": "冒名者有限公司",
        "status": "in_force",
        "kind": "certificate",
        "more": {"certificateNumber": "1"},
    }
    record = {
        "kind": "document",
        "documentTypeCode": "营业执照",
        "documentNumber": "一号",
        "title": "营业执照",
        "issuingOrganisationCode": anchored[0]["record"]["certificateIssuingAuthorityCode"],
        "issuedDate": "2026-01-05",
        "extension": fields,
    }
    with service.client("anchor") as client:
        answer = client.post("/v1/records", json=record)
        assert answer.status_code == 202, answer.text
        id = answer.json()["records"][0]["id"]
        wait_until_anchored(client, id)
        disclosure = client.get(f"/v1/records/{id}").json()["disclosure"]
    banner = verify_files(page, written(tmp_path, "disclosure.json", disclosure))
    words = banner.inner_text() + page.locator("#answer").inner_text()
    assert "文书" in banner.inner_text() and "证照类型" not in words and "持证主体" not in words
    assert "电子证照" not in words and "证照编号" not in words
    page.evaluate("document.querySelectorAll('#answer details').forEach((one) => (one.open = true))")
    rows = page.locator("#answer .row").all_inner_texts()
    for name, value in (("certificateHolderName", "冒名者有限公司"), ("status", "in_force"), ("kind", "certificate")):
        assert any(row.split("\n")[:2] == [f"业务字段 {name}", value] for row in rows), name


def test_papers_of_one_holder_are_verified_together_and_listed(
    page: Any, service: Instance, anchored: Anchored, tmp_path: Path
) -> None:
    with service.client() as client:
        proof = client.get(f"/v1/records/{anchored[0]['id']}/proof").json()
        receipt = client.get(f"/v1/records/{anchored[0]['id']}/receipt").content
    (tmp_path / "no name tells").write_bytes(receipt)
    files = [
        written(tmp_path, "one.json", anchored[0]["disclosure"]),
        written(tmp_path, "two.json", proof),
        str(tmp_path / "no name tells"),
        written(tmp_path, "三.json", {"something": "else"}),
    ]
    page.set_input_files("#files", files)
    assert page.locator(".chip-name").all_inner_texts() == ["one.json", "two.json", "no name tells", "三.json"]
    page.locator(".chip .remove").last.click()
    page.click("#panel-files button[type=submit]")
    page.wait_for_selector(".banner-valid")
    kinds = page.locator(".paper .chip-kind").all_inner_texts()
    assert kinds == ["披露文件", "上链证明", "凭证"]


def test_the_next_holder_begins_with_an_empty_page(page: Any, anchored: Anchored, tmp_path: Path) -> None:
    own = [written(tmp_path, f"{n}.json", anchored[n]["disclosure"]) for n in (0, 1)]
    verify_files(page, own[0])
    page.set_input_files("#files", own[1])
    assert page.locator(".chip-name").all_inner_texts() == ["1.json"], "the previous holder's paper must not stay"
    page.click("#panel-files button[type=submit]")
    page.wait_for_selector(".banner-valid")
    with page.expect_file_chooser() as chooser:
        page.click("[data-action=addPapers]")
    chooser.value.set_files(own[0])
    assert page.locator(".chip-name").all_inner_texts() == ["1.json", "0.json"]
    page.click("#panel-files button[type=submit]")
    page.wait_for_selector(".banner-indeterminate")
    assert "不属于同一份记录" in page.locator(".banner").inner_text()
    assert page.locator(".paper").count() == 2
    page.click("[data-action=next]")
    assert page.locator(".chip, .banner").count() == 0
    assert page.evaluate("document.activeElement.id") == "files"


DROP = """([name, text]) => {
  const data = new DataTransfer();
  if (name) data.items.add(new File([text], name));
  const event = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  document.querySelector("footer").dispatchEvent(event);
  return event.defaultPrevented;
}"""


def test_papers_may_be_dropped_anywhere(page: Any, anchored: Anchored) -> None:
    assert page.evaluate(DROP, ["", ""])
    assert page.locator(".chip").count() == 0
    page.click("#tab-identifier")
    assert page.evaluate(DROP, ["mine.json", json.dumps(anchored[0]["disclosure"])])
    assert page.locator(".chip-name").all_inner_texts() == ["mine.json"]
    assert page.locator("#panel-files").is_visible()


def test_what_hides_number_or_holder_is_not_green(
    page: Any, service: Instance, anchored: Anchored, tmp_path: Path
) -> None:
    shown = {}
    for name, members in (
        ("little", "certificateIdentifier"),
        ("face", "certificateNumber,holders.0.certificateHolderName"),
    ):
        shown[name] = str(tmp_path / f"{name}.json")
        service.done("present", anchored[0]["id"], "--reveal", members, "--out", shown[name])
    banner = verify_files(page, shown["little"])
    assert banner.get_attribute("data-verdict") == "compare"
    assert "未出示" in banner.inner_text() and "待核对" in banner.inner_text()
    assert "证照编号" in page.locator(".note-warning").inner_text()
    page.click("[data-action=next]")
    banner = verify_files(page, shown["face"])
    assert banner.get_attribute("data-verdict") == "valid"
    assert anchored[0]["record"]["certificateNumber"] in banner.inner_text()
    assert anchored[0]["record"]["holders"][0]["certificateHolderName"] in banner.inner_text()


def test_a_file_too_large_to_send_is_asked_about_by_its_digest(page: Any, tmp_path: Path) -> None:
    large = tmp_path / "large.pdf"
    with large.open("wb") as stream:
        stream.truncate(21 * 2**20)
    banner = verify_files(page, str(large))
    assert banner.get_attribute("data-verdict") == "indeterminate"
    assert "未上链" in banner.inner_text()
    assert page.locator(".chip-size").inner_text() == "21.0 MB"


def test_a_service_that_does_not_answer_can_be_cancelled_and_asked_again(
    page: Any, anchored: Anchored, tmp_path: Path
) -> None:
    held: list[Any] = []
    page.route("**/v1/verify", lambda route: held.append(route))
    page.set_input_files("#files", written(tmp_path, "d.json", anchored[0]["disclosure"]))
    page.clock.install()
    with page.expect_request("**/v1/verify"):
        page.click("#panel-files button[type=submit]")
    page.click("#cancel")
    page.wait_for_selector(".banner-error")
    assert "已取消" in page.locator(".banner").inner_text()
    with page.expect_request("**/v1/verify"):
        page.click("[data-action=retry]")
    page.clock.run_for(12_000)
    page.wait_for_selector(".banner-error >> text=没有答复")
    assert page.locator(".banner a[href='/offline.html']").count() == 1
    page.unroute("**/v1/verify")
    page.click("[data-action=retry]")
    page.wait_for_selector(".banner-valid")


def test_a_mistyped_identifier_is_said_to_be_one_and_a_clumsy_one_is_put_right(page: Any, anchored: Anchored) -> None:
    record = anchored[1]["record"]
    right = record["certificateIdentifier"]
    page.click("#tab-identifier")
    page.fill("#number", record["certificateNumber"])
    page.fill("#holder", record["holders"][0]["certificateHolderName"])
    page.fill("#identifier", right[:-1] + ("A" if right[-1] != "A" else "B"))
    page.keyboard.press("Enter")
    page.wait_for_selector(".banner-error")
    assert "校验字符（末位）与前面的字符不符" in page.locator(".banner").inner_text()
    page.fill(
        "#identifier", " " + right.lower().replace(".", "．", 3)[:30] + " " + right.lower().replace(".", "．", 3)[30:]
    )
    page.keyboard.press("Enter")
    page.wait_for_selector(".banner-compare")


def test_an_identifier_needs_number_and_name_and_finds_the_record(page: Any, anchored: Anchored) -> None:
    record = anchored[1]["record"]
    page.click("#tab-identifier")
    page.fill("#identifier", record["certificateIdentifier"])
    page.fill("#number", record["certificateNumber"])
    page.click("#panel-identifier button[type=submit]")
    assert page.locator("#holder-error").inner_text() == "请填写此项"
    assert page.evaluate("document.activeElement.id") == "holder"
    page.fill("#holder", record["holders"][0]["certificateHolderName"])
    page.click("#panel-identifier button[type=submit]")
    page.wait_for_selector(".banner-compare")
    assert "出示内容未核对" in page.locator(".banner").inner_text()
    assert record["certificateNumber"] in page.locator(".banner").inner_text()
    page.fill("#holder", "另有其人")
    assert page.locator(".banner").count() == 0, "a verdict must not stand beside another question"
    page.keyboard.press("Enter")
    page.wait_for_selector(".banner-indeterminate")


def test_the_language_changes_everything_at_once(page: Any, anchored: Anchored, tmp_path: Path) -> None:
    verify_files(page, written(tmp_path, "disclosure.json", anchored[0]["disclosure"]))
    page.click("button[data-language=en]")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title() == "Record verification"
    assert "Valid" in page.locator(".banner").inner_text()
    for word in ("核验", "有效", "区块", "通过"):
        shown = page.locator("main").inner_text().replace(page.locator(".rows >> nth=1").inner_text(), "")
        assert word not in shown
    page.click("button[data-language=zh]")
    assert "有效" in page.locator(".banner").inner_text()


def test_a_refused_request_is_explained(page: Any, anchored: Anchored, tmp_path: Path) -> None:
    own = written(tmp_path, "d.json", anchored[0]["disclosure"])
    page.set_input_files("#files", own)
    page.route("**/v1/verify", lambda route: route.continue_(post_data=b"--x\r\nno form", headers=FORM))
    page.click("#panel-files button[type=submit]")
    page.wait_for_selector(".banner-error")
    assert "malformed_request" in page.locator(".banner").inner_text()
    page.context.clear_cookies()
    assert page.context.cookies() == []


FORM = {"Content-Type": "multipart/form-data; boundary=x"}


def test_no_more_than_ten_papers_are_taken(page: Any, anchored: Anchored, tmp_path: Path) -> None:
    own = [written(tmp_path, f"{n}.json", anchored[0]["disclosure"]) for n in range(11)]
    page.set_input_files("#files", own)
    assert page.locator(".chip").count() == 10
    assert "最多 10 份" in page.locator("#files-error").inner_text()


def test_an_unreachable_service_is_said_plainly(page: Any, anchored: Anchored, tmp_path: Path) -> None:
    page.route("**/v1/verify", lambda route: route.fulfill(status=502, body="<html>proxy</html>"))
    banner = verify_files(page, written(tmp_path, "disclosure.json", anchored[0]["disclosure"]))
    assert banner.get_attribute("data-verdict") == "error"
    assert "无法连接" in banner.inner_text()


def test_the_page_works_by_keyboard_and_on_a_phone(page: Any, anchored: Anchored) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    page.focus("#tab-files")
    page.keyboard.press("ArrowRight")
    assert page.locator("#panel-identifier").is_visible() and page.locator("#panel-files").is_hidden()
    record = anchored[1]["record"]
    page.fill("#identifier", record["certificateIdentifier"])
    page.fill("#number", record["certificateNumber"])
    page.fill("#holder", record["holders"][0]["certificateHolderName"])
    page.keyboard.press("Enter")
    page.wait_for_selector(".banner-compare")
    assert page.evaluate("document.activeElement.id") == "answer"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
