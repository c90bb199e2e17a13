// Disclosures, whole and partial: a record's content, and the digest under which it was anchored.

import { utf8 } from "../encoding/bytes.js";
import { hex32 } from "../encoding/hex.js";
import { jcs, object, readJson } from "../encoding/json.js";
import { Mismatch, refuse } from "../errors.js";
import { hmac, hmacKey } from "../hashing/webcrypto.js";
import { bodyDigest, memberDigest } from "./hashing.js";
import { checkIdentifier, orgCodeChecks } from "./identifiers.js";
import { checkCoveredNames, checkDates, checkMember, checkWhole, closed, coveredMembers, shapeOf } from "./schema.js";

export async function readDisclosure(bytes) {
  const value = readJson(bytes, 1024 * 1024);
  const names = value instanceof Map ? [...value.keys()].sort().join() : "";
  if (names === "record,salt") return wholeDisclosure(value);
  if (names === "covered,key,open,revealed") return partialDisclosure(value);
  return refuse("a disclosure is {record, salt} or {open, covered, key, revealed}");
}

async function wholeDisclosure(value) {
  const record = value.get("record");
  if (!(record instanceof Map)) refuse("a record must be a JSON object");
  const shape = shapeOf(record);
  const body = checkWhole(record, shape);
  if (utf8(jcs(body)).length > 256 * 1024) refuse("a record is too long");
  const remarks = orgCodeChecks(body.get(shape.org)) ? [] : ["org_code_check_fails"];
  const identifier = body.get("certificateIdentifier");
  if (identifier !== undefined) remarks.push(...checkIdentifier(identifier, body.get(shape.type), body.get(shape.org)));
  const key = await hmacKey(hex32(value.get("salt")));
  const bodyKey = await hmac(key, utf8(""));
  const open = new Map([...body].filter(([name]) => Object.hasOwn(shape.open, name)));
  const members = coveredMembers(body, shape);
  const digests = await Promise.all([...members].map(async ([name, member]) => [name, await memberDigest(await hmac(key, utf8(name)), member)]));
  const digest = await bodyDigest(bodyKey, open, new Map(digests));
  return { shape, open, members, remarks, digest, bodyKey, covered: [...members.keys()], whole: true };
}

async function partialDisclosure(value) {
  // 1. The open members are those of a valid record.
  const open = object(value.get("open"), 16);
  const shape = shapeOf(open);
  if (!closed(shape.open, shape.openRequired)(open)) refuse("an open member is missing or malformed");
  checkDates(open, shape);
  // 2. The covered names are those of a valid record.
  const covered = object(value.get("covered"), 512 + 64 * 4 + 16);
  for (const digest of covered.values()) hex32(digest);
  checkCoveredNames([...covered.keys()], shape);
  // 3. What is revealed has the form it has in a record and the digest that is listed.
  const members = new Map();
  for (const [name, shown] of object(value.get("revealed"), 512 + 64 * 4 + 16)) {
    if (!covered.has(name)) refuse("a revealed member is not listed in covered");
    if ([...object(shown, 2).keys()].sort().join() !== "key,value") refuse("a revealed member is {value, key}");
    checkMember(name, shown.get("value"), shape);
    const digest = await memberDigest(hex32(shown.get("key")), shown.get("value"));
    if (digest !== covered.get(name)) throw new Mismatch("a revealed member does not have the digest listed for it");
    members.set(name, shown.get("value"));
  }
  const identifier = members.get("certificateIdentifier");
  if (identifier !== undefined) checkIdentifier(identifier, open.get(shape.type), open.get(shape.org));
  const bodyKey = hex32(value.get("key"));
  const digest = await bodyDigest(bodyKey, open, covered);
  return { shape, open, members, remarks: [], digest, bodyKey, covered: [...covered.keys()], whole: false };
}
