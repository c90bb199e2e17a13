// What the members of a record are called, for a person.

import { MEMBERS } from "../../../static/members.js";
import { HOLDER_NAME } from "./schema.js";

export function memberName(path, language) {
  const at = language === "zh" ? 0 : 1;
  if (path.startsWith("extension.")) return `${["业务字段", "sector field"][at]} ${path.slice(10)}`;
  const held = HOLDER_NAME.exec(path);
  const known = held ? held[2] : path;
  const name = Object.hasOwn(MEMBERS, known) ? MEMBERS[known][at] : known;
  return held && held[1] !== "0" ? `${name} ${Number(held[1]) + 1}` : name;
}
