"""README and docs lead where they say, and name what is there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "scripts" / "bench" / "README.md"])
LINK = re.compile(r"\]\(([^)\s]+)\)")
MOST_BYTES_OF_README, MOST_BYTES_OF_A_PICTURE = 8_000, 200_000
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def headings(page: Path) -> set[str]:
    """The names by which links lead to a page's headings."""
    titles = re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def targets(page: Path) -> list[tuple[Path, str]]:
    """File and heading of each link that leads to a file of the repository."""
    links = LINK.findall(without_code(page.read_text(encoding="utf-8")))
    parts = [link.partition("#") for link in links if "://" not in link]
    return [((page.parent / path).resolve() if path else page, heading) for path, _, heading in parts]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    lost = [
        f"{path}#{heading}"
        for path, heading in targets(page)
        if not path.exists() or (heading and heading not in headings(path))
    ]
    assert lost == []


def test_every_page_can_be_reached_from_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            waiting += [path for path, _ in targets(page) if path.suffix == ".md"]
    assert set(PAGES) - reached == set()


def test_readme_and_its_picture_are_small() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= MOST_BYTES_OF_README
    pictures = list((ROOT / "docs" / "images").iterdir())
    assert pictures and all(0 < picture.stat().st_size < MOST_BYTES_OF_A_PICTURE for picture in pictures)


ROOMS = {path.name for path in (ROOT / "chain_service").iterdir() if path.is_dir()}
FOLDERS = {"chain_service", "contracts", "docs", "scripts", "tests"}


def lost(names: Iterable[str]) -> list[str]:
    """Those that name a file or folder of the repository, or of the package, which is not there."""
    named = [name for name in names if name.partition("/")[0] in FOLDERS | ROOMS]
    return [name for name in named if not ((ROOT / name).exists() or (ROOT / "chain_service" / name).exists())]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    assert lost(re.findall(r"`(\w+/[\w./-]*)`", page.read_text(encoding="utf-8"))) == []


def test_every_file_and_room_of_the_architecture_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = re.search(r"^## Rooms\n\n```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert rooms is not None
    folder, found = "", []
    for line in rooms[1].splitlines():
        names = line.strip().split("  ")[0].split()
        folder = folder if line.startswith(" ") else names[0]
        found += [name if name == folder else folder + name for name in names]
    found += re.findall(r"\b(?:web|cli|jobs|core|chain)/[\w/]+\.py\b", text)
    assert len(found) > 50
    assert [name for name in found if not ((ROOT / name).exists() or (ROOT / "chain_service" / name).exists())] == []


@pytest.mark.parametrize("decision", DECISIONS, ids=name_of)
def test_a_decision_has_its_four_parts_and_stands_in_the_list(decision: Path) -> None:
    text = decision.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Rejected", "Consequences"]
    number = int(decision.name[:4])
    assert text.startswith(f"# {number}. ")
    listed = (decision.parent / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| {number} \| \[.+\]\({re.escape(decision.name)}\) \|", listed, re.MULTILINE)


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(decision.name[:4]) for decision in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    assert len(DECISIONS) > 20


@pytest.mark.parametrize("name", ["department", "counter", "auditor"])
def test_the_pages_for_people_are_in_both_languages(name: str) -> None:
    text = (ROOT / "docs" / "for" / f"{name}.md").read_text(encoding="utf-8")
    _, _, both = text.partition("\n## 中文\n")
    chinese, _, english = both.partition("\n## English\n")
    assert len(re.findall(r"[一-鿿]", chinese)) > 500
    assert len(english.split()) > 300
