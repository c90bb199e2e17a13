// What a record of each kind may and must contain.

import { HEX64 } from "../encoding/hex.js";
import { jcs, prune } from "../encoding/json.js";
import { atMost, isListOf, matching } from "../encoding/predicates.js";
import { refuse } from "../errors.js";
import { ORG } from "./identifiers.js";

// eslint-disable-next-line no-control-regex -- no text of a record has them
const text = (longest) => (value) => typeof value === "string" && atMost(value, longest) && !/[\u0000-\u001f\u007f]/.test(value);
const code = (longest) => (value) => text(longest)(value) && !/^\p{White_Space}|\p{White_Space}$/u.test(value);
const listOf = (test, most) => (value) => isListOf(value, test, most) && value.length > 0;

export const closed = (members, required) => (value) =>
  value instanceof Map &&
  required.every((name) => value.has(name)) &&
  [...value].every(([name, member]) => Object.hasOwn(members, name) && members[name](member));

const DATE = matching("[0-9]{4}-[0-9]{2}-[0-9]{2}");
const MEDIA = "[a-z0-9][a-z0-9!#$&^_.+\\-]{0,63}";

const HOLDER = {
  certificateHolderName: text(256),
  certificateHolderCode: code(64),
  certificateHolderTypeCode: matching("[0-9]{3}"),
  certificateHolderTypeName: text(64),
};

const HOLDER_REQUIRED = Object.keys(HOLDER).slice(0, 3);
const DIGESTS = closed({ "sha-256": HEX64, sm3: HEX64 }, []);
const FILE = closed({ mediaType: matching(`${MEDIA}/${MEDIA}`), digests: (value) => DIGESTS(value) && value.size > 0 }, ["digests"]);

const COVERED = {
  files: listOf(FILE, 64),
  replaces: matching("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
  extension: (value) => value instanceof Map && value.size > 0 && value.size <= 512,
};

const SEAL_CODES = listOf(matching("[!-~]{1,64}"), 32);

export const SHAPES = {
  certificate: {
    open: {
      kind: (value) => value === "certificate",
      certificateTypeCode: matching(`${ORG}[0-9]{3}`),
      certificateIssuingAuthorityCode: matching(ORG),
      certificateIssuedDate: DATE,
      certificateEffectiveDate: DATE,
      certificateExpiringDate: DATE,
      sealCodes: SEAL_CODES,
    },
    covered: {
      ...COVERED,
      certificateTypeName: text(256),
      certificateName: text(256),
      certificateNumber: code(128),
      certificateIdentifier: matching("[0-9A-Z.]{1,128}"),
      certificateIssuingAuthorityName: text(256),
      holders: listOf(closed(HOLDER, HOLDER_REQUIRED), 64),
    },
    openRequired: ["kind", "certificateTypeCode", "certificateIssuingAuthorityCode", "certificateIssuedDate"],
    coveredRequired: ["certificateNumber", "certificateIdentifier", "holders"],
    org: "certificateIssuingAuthorityCode",
    type: "certificateTypeCode",
    number: "certificateNumber",
    issued: "certificateIssuedDate",
    effective: "certificateEffectiveDate",
    expiring: "certificateExpiringDate",
  },
  document: {
    open: {
      kind: (value) => value === "document",
      documentTypeCode: code(64),
      issuingOrganisationCode: matching(ORG),
      issuedDate: DATE,
      expiringDate: DATE,
      sealCodes: SEAL_CODES,
    },
    covered: { ...COVERED, documentNumber: code(128), title: text(256) },
    openRequired: ["kind", "documentTypeCode", "issuingOrganisationCode"],
    coveredRequired: ["documentNumber"],
    org: "issuingOrganisationCode",
    type: "documentTypeCode",
    number: "documentNumber",
    issued: "issuedDate",
    effective: null,
    expiring: "expiringDate",
  },
};

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
  if (holders.size > 64 || (holders.size && Math.max(...holders.keys()) + 1 !== holders.size)) refuse("holders are not numbered without gap");
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
