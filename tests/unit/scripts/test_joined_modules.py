"""ES modules are joined into one script without a bundler, and whatever strays from the form for it is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from joined_modules import ModuleError, joined

LEAF = """// A leaf.

const SIZE = 3;

export const twice = (n) => SIZE + 2 * n;
export async function later() {
  return 1;
}
"""
MAIN = """// The entry.

import { later, twice } from "./inner/leaf.js";

class Page {}
let turn = 0;
later(twice(turn), Page);
"""


def program(folder: Path, **modules: str) -> str:
    """The script that these modules make; `main` is the entry, `a__b` stands for a/b.js."""
    for name, text in {"main": MAIN, "inner__leaf": LEAF, **modules}.items():
        file = folder / f"{name.replace('__', '/')}.js"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return joined(folder / "main.js", folder)[0]


def test_what_a_module_needs_stands_before_it_and_only_the_words_import_and_export_go(tmp_path: Path) -> None:
    assert program(tmp_path) == (
        "// ==== inner/leaf.js ====\n\n" + LEAF.replace("export ", "") + "\n// ==== main.js ====\n\n"
        "// The entry.\n\nclass Page {}\nlet turn = 0;\nlater(twice(turn), Page);\n"
    )


def test_a_module_that_two_others_import_stands_once(tmp_path: Path) -> None:
    other = 'import { twice } from "./leaf.js";\n\nexport const four = twice(2);\n'
    main = 'import { twice } from "./inner/leaf.js";\nimport { four } from "./inner/other.js";\n\ntwice(four);\n'
    made = program(tmp_path, main=main, inner__other=other)
    assert re.findall("// ==== (.+) ====", made) == ["inner/leaf.js", "inner/other.js", "main.js"]


@pytest.mark.parametrize(
    ("modules", "fault"),
    [
        ({"main": MAIN.replace("twice }", "twice as double }")}, "neither a declaration"),
        ({"main": MAIN.replace("{ later, twice }", "* as leaf")}, "neither a declaration"),
        ({"main": MAIN.replace("{ later, twice }", "leaf")}, "neither a declaration"),
        ({"main": MAIN.replace("{ later, twice }", "{\n  later,\n  twice,\n}")}, "neither a declaration"),
        ({"main": MAIN.replace("./inner/leaf.js", "leaf")}, "neither a declaration"),
        ({"main": MAIN.replace("./inner/leaf.js", "https://elsewhere.example/leaf.js")}, "neither a declaration"),
        ({"main": MAIN.replace("inner/leaf", "inner/none")}, "there is no"),
        ({"main": MAIN + 'import { SIZE } from "./inner/leaf.js";\n'}, "stand before everything else"),
        ({"main": MAIN.replace("\nclass", 'import { SIZE } from "./inner/leaf.js";\n\nclass')}, "by one line"),
        ({"main": MAIN + 'const late = () => import("./inner/leaf.js");\n'}, "imports are static"),
        ({"main": MAIN + "turn = import.meta.url;\n"}, "imports are static"),
        ({"main": MAIN + "const [one, other] = [1, 2];\n"}, "neither a declaration of one name"),
        ({"main": MAIN + "var old = 1;\n"}, "neither a declaration of one name"),
        ({"main": MAIN + "export default Page;\n"}, "neither a declaration of one name"),
        ({"main": MAIN + "export { Page };\n"}, "neither a declaration of one name"),
        ({"main": MAIN + 'export { twice } from "./inner/leaf.js";\n'}, "neither a declaration of one name"),
        ({"main": MAIN + "function turn() {}\n"}, "turn is declared twice"),
        ({"main": MAIN + "const SIZE = 4;\n"}, "SIZE is declared in .*leaf.js and in .*main.js"),
        ({"main": MAIN.replace("later, twice", "later, SIZE")}, "leaf.js does not export SIZE"),
        ({"main": MAIN.replace("later, twice", "later, thrice")}, "leaf.js does not export thrice"),
        ({"inner__leaf": 'import { Page } from "../main.js";\n' + LEAF}, "circle: main.js → leaf.js → main.js"),
    ],
)
def test_whatever_strays_from_the_form_is_refused(modules: dict[str, str], fault: str, tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match=fault):
        program(tmp_path, **modules)
