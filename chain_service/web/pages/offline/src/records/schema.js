// What a record of each kind may and must contain.

import { jcs, prune } from "../encoding/json.js";
import { atMost, isListOf } from "../encoding/predicates.js";
import { refuse } from "../errors.js";
import { TABLE } from "../tables.js";

export const closed = (members, required) => (value) =>
  value instanceof Map &&
  required.every((name) => value.has(name)) &&
  [...value].every(([name, member]) => Object.hasOwn(members, name) && members[name](member));

// Whether a value is what a JSON Schema (2020-12) describes, as far as the table of records makes use of it.
function describedBy(schema) {
  if (schema.enum) return (value) => schema.enum.includes(value);
  if (schema.type === "string") return describedText(schema);
  if (schema.type === "array") {
    const item = describedBy(schema.items);
    return (value) => isListOf(value, item, schema.maxItems) && value.length >= schema.minItems;
  }
  if (schema.type === "object") {
    const isKnown = schema.properties ? closed(testsOf(schema.properties), schema.required || []) : (value) => value instanceof Map;
    return (value) => isKnown(value) && value.size >= (schema.minProperties || 0) && value.size <= (schema.maxProperties || Infinity);
  }
  return () => true;
}

function describedText({ pattern, maxLength = Infinity }) {
  const form = pattern && new RegExp(pattern, "u");
  return (value) => typeof value === "string" && atMost(value, maxLength) && (!form || form.test(value));
}

const testsOf = (schemas) => Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, describedBy(schema)]));
const only = (members, names) => Object.fromEntries(names.map((name) => [name, members[name]]));

// `open` and `covered` are tests by the members' names.
function shapeFrom({ members, open, required, ...parts }) {
  const tests = testsOf(members);
  const covered = Object.keys(members).filter((name) => !open.includes(name));
  const [openRequired, coveredRequired] = [open, covered].map((names) => names.filter((name) => required.includes(name)));
  return { open: only(tests, open), covered: only(tests, covered), openRequired, coveredRequired, ...parts };
}

export const SHAPES = { certificate: shapeFrom(TABLE.records.certificate), document: shapeFrom(TABLE.records.document) };

const HOLDERS = TABLE.records.certificate.members.holders;
const HOLDER = testsOf(HOLDERS.items.properties);
const HOLDER_REQUIRED = HOLDERS.items.required;

export function shapeOf(value) {
  const kind = value.get("kind");
  return kind === "certificate" || kind === "document" ? SHAPES[kind] : refuse("kind must be certificate or document");
}

export function checkDates(body, shape) {
  const expiring = body.get(shape.expiring);
  for (const name of [shape.expiring, shape.issued, shape.effective]) {
    const date = name === null ? undefined : body.get(name);
    if (date === undefined) continue;
    const [year, month, day] = date.split("-").map(Number);
    const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
    const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] || 0;
    if (year < 1 || day < 1 || day > days) refuse(`${name} is not a calendar date`);
    if (expiring !== undefined && date > expiring) refuse(`${shape.expiring} lies before ${name}`);
  }
}

function checkExtension(value) {
  for (const name of value.keys()) if (!atMost(name, 128)) refuse("names in extension must have 1 to 128 characters");
  return prune(value, 8);
}

export function checkWhole(value, shape) {
  const members = { ...shape.open, ...shape.covered };
  const fits = closed(members, [...shape.openRequired, ...shape.coveredRequired]);
  let body = value;
  if (!fits(body)) {
    for (const name of value.keys()) if (!Object.hasOwn(members, name)) refuse("a record has no member of this name");
    body = prune(value);
    if (!fits(body)) refuse("a member is missing or malformed");
  }
  body = new Map(body);
  if (body.has("extension")) {
    const extension = checkExtension(body.get("extension"));
    if (extension.size) body.set("extension", extension);
    else body.delete("extension");
  }
  checkDates(body, shape);
  return body;
}

// All other members than the open ones; holders and sector fields singly.
export function coveredMembers(body, shape) {
  const members = new Map();
  for (const [name, value] of body) {
    if (name === "holders") value.forEach((holder, i) => holder.forEach((part, inner) => members.set(`holders.${i}.${inner}`, part)));
    else if (name === "extension") value.forEach((part, inner) => members.set(`extension.${inner}`, part));
    else if (!Object.hasOwn(shape.open, name)) members.set(name, value);
  }
  return members;
}

export const HOLDER_NAME = /^holders\.(0|[1-9][0-9]?)\.([A-Za-z]+)$/;

export function checkCoveredNames(names, shape) {
  const top = new Set();
  const holders = new Map();
  for (const name of names) {
    const held = HOLDER_NAME.exec(name);
    if (held) {
      const place = Number(held[1]);
      holders.set(place, (holders.get(place) || new Set()).add(held[2]));
      top.add("holders");
    } else if (name.startsWith("extension.")) {
      checkExtension(new Map([[name.slice(10), true]]));
      top.add("extension");
    } else if (name === "holders" || name === "extension") refuse("holders and sector fields are covered singly");
    else top.add(name);
  }
  for (const name of top) if (!Object.hasOwn(shape.covered, name)) refuse("covered names what a record cannot cover");
  for (const name of shape.coveredRequired) if (!top.has(name)) refuse("covered lacks a mandatory member");
  if (holders.size > HOLDERS.maxItems || (holders.size && Math.max(...holders.keys()) + 1 !== holders.size)) refuse("holders are not numbered without gap");
  for (const parts of holders.values()) {
    if (!HOLDER_REQUIRED.every((name) => parts.has(name))) refuse("a holder lacks a mandatory member");
    for (const part of parts) if (!Object.hasOwn(HOLDER, part)) refuse("a holder has an unknown member");
  }
}

export function checkMember(name, value, shape) {
  const held = HOLDER_NAME.exec(name);
  if (name.startsWith("extension.")) {
    const sector = new Map([[name.slice(10), value]]);
    if (jcs(checkExtension(sector)) !== jcs(sector)) refuse(`${name} holds something empty`);
  } else if (!(held ? HOLDER[held[2]] : shape.covered[name])(value)) refuse(`${name} is malformed`);
}
