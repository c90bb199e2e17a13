// JSON read strictly (RFC 8259, RFC 7493: no name twice) and written canonically (RFC 8785).

import { refuse } from "../errors.js";
import { readUtf8 } from "./bytes.js";

const OUTSIDE = Object.freeze({}); // stands for a number that is no integer within ±(2^53−1): readable, allowed nowhere
const MAX_INTEGER = Number.MAX_SAFE_INTEGER;

export function readJson(bytes, limit) {
  if (bytes.length > limit) refuse(`the text is longer than ${limit} bytes`);
  const text = readUtf8(bytes);
  let at = 0;
  const bad = () => refuse(`the text is not JSON: character ${at}`);
  const blanks = /[ \t\n\r]*/y;
  // eslint-disable-next-line no-control-regex -- they may not stand in a string
  const token = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
  const skip = () => {
    blanks.lastIndex = at;
    blanks.test(text);
    at = blanks.lastIndex;
    return text[at];
  };
  const take = (mark) => (skip() === mark ? ++at : bad());
  const plain = () => {
    skip();
    token.lastIndex = at;
    const found = token.exec(text);
    if (!found) bad();
    at = token.lastIndex;
    const value = JSON.parse(found[0]);
    if (typeof value === "string" && /\p{Surrogate}/u.test(value)) bad();
    if (typeof value !== "number") return value;
    if (!Number.isFinite(value)) bad();
    return /[.eE]/.test(found[0]) || Math.abs(value) > MAX_INTEGER ? OUTSIDE : value;
  };
  const value = (depth) => {
    const first = skip();
    if (first !== "{" && first !== "[") return plain();
    if (depth === 0) refuse("lists and objects are nested too deep");
    at++;
    const close = first === "{" ? "}" : "]";
    const made = first === "{" ? new Map() : [];
    for (let more = skip() !== close; more; more = skip() === ",") {
      if ((Array.isArray(made) ? made.length : made.size) > 0) take(",");
      if (Array.isArray(made)) made.push(value(depth - 1));
      else {
        if (skip() !== '"') bad();
        const name = plain();
        if (made.has(name)) refuse("a member is named twice");
        take(":");
        made.set(name, value(depth - 1));
      }
    }
    take(close);
    return made;
  };
  const whole = value(1024);
  return skip() === undefined ? whole : bad();
}

export function jcs(value) {
  if (Array.isArray(value)) return `[${value.map(jcs).join(",")}]`;
  if (!(value instanceof Map)) return typeof value === "number" ? String(value) : JSON.stringify(value);
  const names = [...value.keys()].sort(); // by UTF-16 code unit, RFC 8785 §3.2.3
  return `{${names.map((name) => `${JSON.stringify(name)}:${jcs(value.get(name))}`).join(",")}}`;
}

const isEmpty = (value) => value === null || value === "" || (value instanceof Map ? value.size === 0 : Array.isArray(value) && value.length === 0);

// Without null, empty text, lists and objects, at every depth.
export function prune(value, depth = 32) {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return value;
  if (value === OUTSIDE) refuse("numbers must be integers within ±(2^53−1)");
  if (depth === 0) refuse("lists and objects are nested too deep");
  if (Array.isArray(value)) return value.map((item) => prune(item, depth - 1)).filter((item) => !isEmpty(item));
  const kept = new Map();
  for (const name of value.keys()) if (/[\u{10000}-\u{10ffff}]/u.test(name)) refuse("member names must not have characters above U+FFFF");
  for (const [name, member] of value) {
    const pruned = prune(member, depth - 1);
    if (!isEmpty(pruned)) kept.set(name, pruned);
  }
  return kept;
}

// Plain objects for showing; Object.fromEntries defines members, so no name is special.
export function plainJson(value) {
  if (Array.isArray(value)) return value.map(plainJson);
  return value instanceof Map ? Object.fromEntries([...value].map(([name, member]) => [name, plainJson(member)])) : value;
}

export function object(value, most) {
  return value instanceof Map && value.size <= most ? value : refuse(`an object of at most ${most} members is needed`);
}
