// Why something presented cannot be used. A refusal always ends as a finding, never as a crash.

export class Refused extends Error {}

export class Mismatch extends Refused {} // a disclosure contradicts itself

export class Unsigned extends Refused {} // a trust file can be read, and its signatures do not hold

export class Equivocation extends Refused {} // two blocks of one height are proven

// What may hold, but cannot be told by what is known here; nothing is wrong.
export class CannotTell extends Refused {
  constructor(why, code = "trust_stale") {
    super(why);
    this.code = code;
  }
}

export class UnknownSealers extends CannotTell {} // validators may have changed since the trust file was made; `time` is the block's

export function refuse(why) {
  throw new Refused(why);
}
