// Evidence: what a chain's state was at one block.

import { same } from "../encoding/bytes.js";
import { toHex } from "../encoding/hex.js";
import { CannotTell, refuse } from "../errors.js";
import { proveBlock } from "./consensus.js";
import { accountAt, NodePool, wordAt } from "./tries.js";

export function verifyEvidence(evidence, trust) {
  // 1. it speaks of the trusted chain
  if (evidence.chainId !== trust.chainId || !same(evidence.genesis, trust.genesis)) refuse("the evidence is about another chain");
  // 2. its size was bounded when it was read
  const pool = new NodePool(evidence.nodes);
  // 3. trusted validators stand behind the block
  const head = proveBlock(evidence.headers, trust, evidence.form);
  // 4. every account is a trusted contract with the pinned code, every word lies in its storage
  const words = new Map();
  for (const { address, slots } of evidence.accounts) {
    const pin = trust.contracts.find((contract) => same(contract.address, address)) || refuse("the evidence is about an untrusted contract");
    if (pin.until && head.number > BigInt(pin.until.block)) throw new CannotTell("a contract was closed before this block");
    if (pin.until && head.number === BigInt(pin.until.block) && !same(head.hash, pin.until.hash)) refuse("another block ends this contract");
    const account = accountAt(pool, head.stateRoot, address);
    if (account === null || !same(account.codeHash, pin.codeHash)) refuse("a contract is absent or has other code than the trusted one");
    for (const slot of slots) words.set(`${pin.name} ${toHex(slot)}`, wordAt(pool, account.storageRoot, slot));
  }
  // 5. no node is left over
  pool.requireAllUsed();
  const { hash, assurance, validators, signers, counts, speaksUntil } = head;
  return { chainId: trust.chainId, block: Number(head.number), hash, time: Number(head.time), assurance, validators, signers, counts, speaksUntil, words };
}
