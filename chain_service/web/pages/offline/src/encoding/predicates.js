// What a value that was read has to be.

import { isBytes } from "./bytes.js";

export const isNumber = (value) => Number.isSafeInteger(value) && value >= 0;
export const isBytesOf = (value, length) => isBytes(value) && value.length === length;
export const isListOf = (value, test, most) => Array.isArray(value) && value.length <= most && value.every(test);
export const matching = (pattern) => (value) => typeof value === "string" && new RegExp(`^(?:${pattern})$`, "u").test(value);
export const atMost = (value, longest) => value.length > 0 && [...value].length <= longest;
