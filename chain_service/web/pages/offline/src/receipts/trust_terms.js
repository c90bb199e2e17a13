// The terms of a trust file, read strictly and written in one way.

import { FORMS } from "../chainproof/consensus.js";
import { hasVotingPowers } from "../chainproof/trust.js";
import { ascending, distinct, hex32, hexOf, toHex } from "../encoding/hex.js";
import { jcs, prune } from "../encoding/json.js";
import { atMost, isNumber } from "../encoding/predicates.js";
import { LAST_SECOND } from "../encoding/times.js";
import { CannotTell, refuse } from "../errors.js";
import { TABLE } from "../tables.js";

const TRUST_FORM = "chain-service/trust/2";
const LATER_FORM = /^chain-service\/trust\/([3-9]|[1-9][0-9]{1,3})$/;
const LAYOUT = "1.0.0"; // of the contracts' storage, as they state it themselves
const natural = (map, name) => (map instanceof Map && isNumber(map.get(name)) ? map.get(name) : refuse(`${name} must be a whole number from 0 on`));
const listIn = (map, name) => (map instanceof Map && Array.isArray(map.get(name)) && map.get(name).length ? map.get(name) : refuse(`${name} must be a list`));
const textIn = (map, name) => (map instanceof Map && typeof map.get(name) === "string" ? map.get(name) : refuse(`${name} must be text`));
const sorted = (list) => list.toSorted((one, other) => (toHex(one) < toHex(other) ? -1 : 1));

function readRange(value) {
  const [form, listed] = [textIn(value, "form"), listIn(value, "validators")];
  if (!hasVotingPowers(form) && !Object.hasOwn(FORMS, form)) refuse("the consensus of a range is not known");
  const end = value.get("until");
  const until = value.has("until") ? { block: natural(end, "block"), hash: hexOf(end.get("hash"), 32), time: natural(end, "time") } : null;
  const range = { fromBlock: natural(value, "fromBlock"), form, fields: natural(value, "fields"), until };
  if (!hasVotingPowers(form)) return { ...range, validators: sorted(listed.map((text) => hexOf(text, 20))) };
  const powers = listed.map((one) => natural(one, "power"));
  const text = textIn(value, "chainIdText");
  if (!atMost(text, 50) || powers.includes(0)) refuse("a CometBFT range has a chain id of 1 to 50 characters, and powers above 0");
  return { ...range, validators: listed.map((one) => hexOf(one.get("key"), 32)), powers, chainIdText: text, base: natural(value, "base") };
}

// Ranges from one list of validators and one of header fields, which change at blocks of their own: the form before.
function rangesApart(value) {
  const rises = (list) => list.every(({ fromBlock }, i) => i === 0 || fromBlock > list[i - 1].fromBlock);
  const sets = listIn(value, "validators").map((one) => ({ fromBlock: natural(one, "fromBlock"), validators: sorted(listIn(one, "addresses").map((text) => hexOf(text, 20))) }));
  const counts = listIn(value, "headers").map((one) => ({ fromBlock: natural(one, "fromBlock"), fields: natural(one, "fields") }));
  const form = `evm-${textIn(value, "consensus")}/1`;
  if (!rises(sets) || !rises(counts) || !Object.hasOwn(FORMS, form)) refuse("ranges are ascending, and the consensus is clique or qbft");
  const begins = new Set([...sets.map(({ fromBlock }) => fromBlock), ...counts.map(({ fromBlock }) => fromBlock).filter((block) => block > sets[0].fromBlock)]);
  const at = (list, block) => list.findLast(({ fromBlock }) => fromBlock <= block);
  return [...begins].sort((one, other) => one - other).map((fromBlock) => ({ fromBlock, form, fields: (at(counts, fromBlock) || counts[0]).fields, until: null, validators: at(sets, fromBlock).validators }));
}

function checkRanges(ranges) {
  const [open] = ranges.slice(-1);
  if (ranges[0].fromBlock > 1 || open.until) refuse("the first range begins with the chain, and the last one has not ended");
  ranges.forEach((one, i) => {
    const after = ranges[i + 1];
    if (after && one.fromBlock >= after.fromBlock) refuse("the ranges of a chain are ascending");
    if (![15, 16, 17, 20, 21].includes(one.fields) || !distinct(one.validators)) refuse("a range has another number of fields, or names a validator twice");
    const ends = after ? [after.fromBlock - 1, ...(one.form === after.form ? [] : [after.fromBlock])] : [];
    if (one.until && (!ends.includes(one.until.block) || one.until.time > LAST_SECOND)) refuse("a range ends where the next one begins");
  });
  const known = ranges.filter(({ until }) => until).map(({ until }) => until.time);
  if (known.some((time, i) => i && time < known[i - 1])) refuse("the ends of ranges are ascending in time");
}

function readContract([name, pin]) {
  if (!(pin instanceof Map) || !Object.hasOwn(TABLE.positions, name)) refuse("a contract is unknown to this version");
  const slots = pin.get("slots");
  if (!(slots instanceof Map) || jcs(slots) !== jcs(new Map(Object.entries(TABLE.positions[name]))) || (pin.has("version") && pin.get("version") !== LAYOUT)) refuse("a contract's slots or version are unknown to this version");
  const end = pin.get("until");
  const until = pin.has("until") ? { block: natural(end, "block"), hash: hexOf(end.get("hash"), 32) } : null;
  return { name, address: hexOf(pin.get("address"), 20), codeHash: hexOf(pin.get("codeHash"), 32), until };
}

export function readTerms(value) {
  if (!(value instanceof Map) || !(value.get("contracts") instanceof Map)) refuse("contracts must be an object");
  const form = value.has("form") ? value.get("form") : TRUST_FORM;
  if (LATER_FORM.test(form)) throw new CannotTell("this version does not support the format of the trust file", "issuer_unknown");
  if (form !== TRUST_FORM) refuse("this version does not support the format of the trust file");
  const trust = {
    version: natural(value, "version"),
    chainId: BigInt(natural(value, "chainId")),
    genesis: hexOf(value.get("genesisHash"), 32),
    ranges: value.has("ranges") ? listIn(value, "ranges").map(readRange) : rangesApart(value),
    contracts: [...value.get("contracts")].map(readContract),
    epoch: value.has("epoch") ? natural(value, "epoch") || null : null,
    ageLimit: natural(value, "ageLimitSeconds"),
    trustingPeriod: natural(value, "trustingPeriodSeconds"),
    issued: natural(value, "issued"),
    expires: natural(value, "expires"),
    rootKeys: listIn(value, "rootKeys").map(hex32),
    threshold: natural(value, "threshold"),
  };
  if (value.get("curve") !== "secp256k1" || !trust.version || !trust.ageLimit || !trust.trustingPeriod) refuse("the curve is not known here, or a limit is nothing");
  if (trust.rootKeys.length > 64 || !ascending(trust.rootKeys) || !trust.threshold || trust.threshold > trust.rootKeys.length) refuse("root keys or threshold are wrong");
  if (!(trust.issued < trust.expires && trust.expires <= LAST_SECOND)) refuse("a trust file expires after it was issued");
  checkRanges(trust.ranges);
  if (!trust.contracts.some(({ name }) => name === "RecordLog") || !distinct(trust.contracts.map(({ address }) => address))) refuse("the contracts are wrong");
  return trust;
}

// The one way these terms are written.
export function writeTerms(trust) {
  const object = (members) => new Map(Object.entries(members).filter(([, member]) => member !== null && member !== undefined));
  const hex = (bytes) => "0x" + toHex(bytes);
  const end = (until) => until && object({ ...until, hash: hex(until.hash) });
  const pin = ({ name, address, codeHash, until }) => [name, object({ address: hex(address), codeHash: hex(codeHash), version: LAYOUT, slots: object(TABLE.positions[name]), until: end(until) })];
  const range = ({ fromBlock, form, fields, validators, powers, chainIdText, base, until }) => {
    const listed = powers ? validators.map((key, i) => object({ key: hex(key), power: powers[i] })) : validators.map(hex);
    return object({ fromBlock, form, fields, validators: listed, chainIdText, base, until: end(until) });
  };
  const terms = {
    form: TRUST_FORM,
    version: trust.version,
    chainId: Number(trust.chainId),
    genesisHash: hex(trust.genesis),
    curve: "secp256k1",
    ranges: trust.ranges.map(range),
    contracts: new Map(trust.contracts.map(pin)),
    epoch: trust.epoch,
    ageLimitSeconds: trust.ageLimit,
    trustingPeriodSeconds: trust.trustingPeriod,
    issued: trust.issued,
    expires: trust.expires,
    rootKeys: trust.rootKeys.map(toHex),
    threshold: trust.threshold,
  };
  return jcs(object(terms));
}

const FIRST_FORM = "ageLimitSeconds,chainId,consensus,contracts,curve,epoch,expires,genesisHash,headers,issued,rootKeys,threshold,trustingPeriodSeconds,validators,version";

// Whether the payload is canonical and each of its objects has the members of the form before.
export function isFirstForm(value, text) {
  const has = (map, names) => [...map.keys()].sort().join() === names;
  return (
    jcs(prune(value)) === text &&
    has(new Map([...value, ["epoch", null]]), FIRST_FORM) &&
    value.get("validators").every((one) => has(one, "addresses,fromBlock")) &&
    value.get("headers").every((one) => has(one, "fields,fromBlock")) &&
    [...value.get("contracts").values()].every((one) => has(one, "address,codeHash,slots"))
  );
}
