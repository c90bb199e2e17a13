// What a verdict warns of without being changed by it.

import { memberName } from "../records/member_names.js";
import { TABLE } from "../tables.js";
import { fill, fillBoth } from "./messages.js";

export function warningsOf({ trust, files, content, isTwice }, now) {
  const warn = (code, params = {}) => ({ code, message: fillBoth(TABLE.warnings[code], params) });
  const found = [];
  if (trust && now < trust.issued) found.push(warn("trust_not_yet_issued"));
  if (isTwice) found.push(warn("equivocation"));
  if (files.length) found.push(warn("signatures_not_checked"));
  const hidden = content ? content.covered.filter((name) => !content.members.has(name)) : [];
  const warnings = [...found, ...(content ? content.remarks : []).map((code) => warn(code))];
  return hidden.length ? [...warnings, hiddenWarning(hidden)] : warnings;
}

function hiddenWarning(hidden) {
  const { zh, en } = TABLE.warnings.members_hidden;
  const values = (language, comma) => ({ count: String(hidden.length), names: hidden.map((path) => memberName(path, language)).join(comma) });
  return { code: "members_hidden", message: { zh: fill(zh, values("zh", "、")), en: fill(en, values("en", ", ")) } };
}
