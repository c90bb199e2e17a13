// Characters that do not show, or change how others show, are written out, so that no text looks like another.

// eslint-disable-next-line no-control-regex, no-misleading-character-class -- these characters are what is looked for
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\uffff\p{Surrogate}]|[\u{e0000}-\u{e007f}]/gu;

export const visible = (text) => String(text).replace(UNSEEN, (letter) => `⟨U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
