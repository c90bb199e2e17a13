// QBFT (Besu): what a quorum of validators stands behind, by sealing one block.

import { isBytes, isZero, join, same, utf8 } from "../encoding/bytes.js";
import { ascending, distinct } from "../encoding/hex.js";
import { isBytesOf, isListOf } from "../encoding/predicates.js";
import { readRlpList, rlpInteger, writeRlp } from "../encoding/rlp.js";
import { refuse, UnknownSealers } from "../errors.js";
import { keccak256 } from "../hashing/keccak.js";
import { recoverAddress } from "../hashing/secp256k1.js";
import { NO_OMMERS, readHeader } from "./headers.js";
import { isAmong, rangeAt, requireFields } from "./trust.js";

const BFT_MIX_HASH = utf8("ctical byzantine fault tolerance");
export const quorum = (count) => Math.floor((2 * count + 2) / 3);

export function readQbft(raw) {
  // 1. strict RLP, strict extraData, number above 0
  const header = readHeader(raw);
  const { fields } = header;
  if (header.number === 0n) refuse("genesis carries no seals");
  // 2. what every QBFT block has in common
  const common = same(fields[1], NO_OMMERS) && same(fields[7], [1]) && same(fields[13], BFT_MIX_HASH) && isZero(fields[14]);
  if (!common) refuse("a QBFT block has no ommers, difficulty 1, the BFT mixHash and a zero nonce");
  const items = readRlpList(header.extra);
  if (items.length !== 5) refuse("QBFT extraData has 5 items");
  const [vanity, listed, vote, round, seals] = items;
  const isVote = (item) => isListOf(item, isBytes, 2) && item.length === 2 && item[0].length === 20 && (!item[1].length || same(item[1], [0xff]));
  if (!isBytesOf(vanity, 32) || !isListOf(listed, (item) => isBytesOf(item, 20), 4096)) refuse("QBFT vanity or validators are malformed");
  if (!(Array.isArray(vote) && vote.length === 0) && !isVote(vote)) refuse("a QBFT vote is malformed");
  rlpInteger(round, 32);
  if (!isListOf(seals, (item) => isBytesOf(item, 65), 4096)) refuse("QBFT seals are malformed");
  // 3. the seals sign the header with its round, the block's hash is that with round 0
  const hashed = (shown) => keccak256(writeRlp(fields.with(12, writeRlp([vanity, listed, vote, shown, []]))));
  const hash = hashed(new Uint8Array());
  return { ...header, listed, seals, hash, digest: round.length ? hashed(round) : hash };
}

// The validators who sealed the one header, a quorum of them.
export function sealedByQuorum(headers, trust) {
  if (headers.length !== 1) refuse("QBFT evidence has one header");
  const [{ listed, seals, digest, coinbase, number }] = headers;
  requireFields(headers[0], trust, "evm-qbft/1");
  const { validators } = rangeAt(trust, number, "evm-qbft/1");
  // 4. the header names the trusted validators, ascending, and one of them proposed it
  if (!ascending(listed)) refuse("the validators in extraData are not ascending");
  if (!same(join(...listed), join(...validators))) throw new UnknownSealers("a header names other validators than the trusted ones");
  if (!isAmong(coinbase, validators)) refuse("a header was not proposed by a trusted validator");
  // 5. every seal is by another one of them
  if (seals.length > validators.length) refuse("a header has more seals than there are validators");
  const signers = seals.map((seal) => recoverAddress(digest, seal));
  if (!signers.every((signer) => isAmong(signer, validators)) || !distinct(signers)) refuse("a header is not sealed by a trusted validator, or twice by one validator");
  // 6. there are enough of them
  return signers.length < quorum(validators.length) ? refuse("a quorum needs more seals") : signers;
}
