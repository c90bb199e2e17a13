// Codes of organisations and identifiers of certificates.

import { refuse } from "../errors.js";

const ORG_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY";
export const ORG = `[${ORG_ALPHABET}]{2}[0-9]{6}[${ORG_ALPHABET}]{10}`;
export const ORG_CODE = new RegExp(`^${ORG}$`);
const IDENTIFIER = new RegExp(`^1\\.2\\.156\\.3005\\.2\\.(${ORG}[0-9]{3})\\.([0-9A-Z]{1,32})\\.([0-9A-Z]{7,32})\\.([0-9]{3})\\.([0-9A-Z])$`);

// Check characters at positions 18 (GB 32100) and 17 (GB 11714).
export function orgCodeChecks(code) {
  const weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
  const total = weights.reduce((sum, weight, i) => sum + weight * ORG_ALPHABET.indexOf(code[i]), 0);
  if (code[17] !== ORG_ALPHABET[(31 - (total % 31)) % 31]) return false;
  const body = [3, 7, 9, 10, 5, 8, 4, 2].reduce((sum, weight, i) => sum + weight * parseInt(code[8 + i], 36), 0);
  return code[16] === "0123456789X0"[11 - (body % 11)];
}

// Refuses an identifier (GB/T 36904, ISO 7064 MOD 37,36) of another type or issuer; answers remarks on its form.
export function checkIdentifier(text, typeCode, org) {
  const [, type, issuer, serial, version, check] = IDENTIFIER.exec(text) || refuse("the identifier is malformed");
  let state = 36;
  for (const letter of type + issuer + serial + version) state = (((state + parseInt(letter, 36)) % 36 || 36) * 2) % 37;
  if (parseInt(check, 36) !== (37 - state) % 36) refuse("the identifier has a wrong check character");
  if (type !== typeCode) refuse("the identifier names another type");
  if (issuer === org) return [];
  return ORG_CODE.test(issuer) ? refuse("the identifier names another issuer") : ["identifier_issuer_not_org_code"];
}
