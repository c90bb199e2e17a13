// SHA-256, HMAC and Ed25519 by WebCrypto.

import { join } from "../encoding/bytes.js";

export const subtle = globalThis.crypto && globalThis.crypto.subtle;

export async function sha256(...parts) {
  return new Uint8Array(await subtle.digest("SHA-256", join(...parts)));
}

export async function hmacKey(secret) {
  return subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

export async function hmac(key, message) {
  return new Uint8Array(await subtle.sign("HMAC", key, message));
}

export async function ed25519Holds(publicKey, signature, message) {
  try {
    const key = await subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
    return await subtle.verify("Ed25519", key, signature, message);
  } catch (error) {
    if (error.name === "NotSupportedError") throw error;
    return false; // 32 bytes that are no point of the curve
  }
}
