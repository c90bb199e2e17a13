// Trust files (COSE_Sign, RFC 9052).

import { isBytes, join, readUtf8, same, utf8 } from "../encoding/bytes.js";
import { writeCbor } from "../encoding/cbor.js";
import { distinct, toHex } from "../encoding/hex.js";
import { readJson } from "../encoding/json.js";
import { isListOf } from "../encoding/predicates.js";
import { refuse, Unsigned } from "../errors.js";
import { ed25519Holds, sha256 } from "../hashing/webcrypto.js";
import { keyId, MAX_FILE, readMessage, TRUST_TAG } from "./messages.js";
import { isFirstForm, readTerms, writeTerms } from "./trust_terms.js";

const TRUST_HEAD = join([0xa1, 0x03, 0x70], utf8("application/json"));

// A trust file that enough of its own root keys signed. Whether they are the right ones, a person says who compares
// the fingerprint.
export async function readTrust(data) {
  const [head, open, payload, signatures] = readMessage(data, TRUST_TAG, 4, "the trust file");
  if (!isBytes(head) || !same(head, TRUST_HEAD) || !(open instanceof Map) || open.size || !isBytes(payload)) refuse("a trust file is headers, payload and signatures");
  const isSignature = (item) => Array.isArray(item) && item.length === 3 && isBytes(item[0]) && item[1] instanceof Map && !item[1].size && isBytes(item[2]);
  if (!isListOf(signatures, isSignature, 128) || !signatures.length || !distinct(signatures.map(([signer]) => signer))) refuse("a trust file's signatures are malformed");
  const value = readJson(payload, MAX_FILE);
  const trust = readTerms(value);
  const isWhole = value.has("form") ? writeTerms(trust) === readUtf8(payload) : isFirstForm(value, readUtf8(payload));
  if (!isWhole) refuse("the payload is not in canonical form, or has unknown members");
  const message = { head, payload, signatures };
  const signedBy = await signersAmong(trust.rootKeys, message);
  if (signedBy.length < trust.threshold) throw new Unsigned("too few of its own root keys signed the trust file");
  return { ...trust, signedBy, message, fingerprint: toHex(await sha256(payload)) };
}

// Those of the keys that signed; other keys' signatures say nothing.
export async function signersAmong(keys, { head, payload, signatures }) {
  const signers = [];
  for (const key of keys) {
    const signer = join([0xa2, 0x01, 0x27, 0x04, 0x48], await keyId(key));
    const found = signatures.find(([protectedHead]) => same(protectedHead, signer));
    if (!found) continue;
    if (!(await ed25519Holds(key, found[2], writeCbor(["Signature", head, signer, new Uint8Array(), payload])))) throw new Unsigned("a signature does not verify");
    signers.push(toHex(key));
  }
  return signers;
}
