/** How the observer words a broken promise. */
export const breaches = {
  'too early': /refuses a token|does not know/,
  'still used': /signs by .* for everybody$/,
  'too late':
    /accepts|(?:publishes|signs by) .*, whose revocation was (?:answered|confirmed)|whose revocation it confirmed/,
}

/** A fault put into the source on purpose, by text: the simulation is worth what it finds of these. */
export interface Plant {
  /** What is wrong. */
  fault: string
  /** Which promises it can break: it must be found by one of these, and not by some other harm. */
  breaks: readonly (keyof typeof breaches)[]
  /** The source file, from the root of the workspace. */
  file: string
  /** Stands there exactly once. */
  text: string
  instead: string
}

const keyring = 'packages/keyring/src'
const view = 'packages/database/src/instances/view.ts'
const verifier = 'packages/verifier/src/trust'
const untilApplied = 'packages/database/src/instances/until-applied.ts'
const simulated = 'packages/idp/test/simulation'

export const plants: readonly Plant[] = [
  {
    fault: 'a version is activated without waiting for anybody to know it',
    breaks: ['too early'],
    file: `${keyring}/kinds/signing-key.ts`,
    text: 'if (lagging.length === 0 && now >= anonymousUntil) return { open: true }',
    instead: 'return { open: true }',
  },
  {
    fault: 'a version is activated without waiting for verifiers',
    breaks: ['too early'],
    file: `${keyring}/kinds/signing-key.ts`,
    text: 'if (lagging.length === 0 && now >= anonymousUntil) return { open: true }',
    instead: 'if (now >= anonymousUntil) return { open: true }',
  },
  {
    fault: 'a version is activated without waiting for anonymous readers',
    breaks: ['too early'],
    file: `${keyring}/kinds/signing-key.ts`,
    text: 'servedAt + anonymousPropagationMs',
    instead: 'servedAt',
  },
  {
    fault: 'a version counts as served before every instance serves it',
    breaks: ['too early'],
    file: `${keyring}/decide/decide.ts`,
    text: "if (behind.length === 0) return [{ due: { do: 'mark-served', id: version.id } }]",
    instead: "return [{ due: { do: 'mark-served', id: version.id } }]",
  },
  {
    fault: 'the drain begins without the confirmation of the instances',
    breaks: ['still used', 'too early'],
    file: `${keyring}/decide/ending.ts`,
    text: "if (behind.length === 0) return [{ due: { do: 'mark-demoted', id: version.id } }]",
    instead: "return [{ due: { do: 'mark-demoted', id: version.id } }]",
  },
  {
    fault: 'the drain counts from the demotion and not from its confirmation',
    breaks: ['too early'],
    file: `${keyring}/kinds/signing-key.ts`,
    text: 'const opensAt = (version.demotedAt ?? now) + maxTokenTtlMs + skewMs',
    instead: 'const opensAt = (version.retiringAt ?? now) + maxTokenTtlMs + skewMs',
  },
  {
    fault: 'an active key is revoked while instances still sign by it',
    breaks: ['still used', 'too early'],
    file: `${keyring}/decide/ending.ts`,
    text: "const unused = version.state === 'prepared' || version.demotedAt !== undefined || behind.length === 0",
    instead: 'const unused = true',
  },
  {
    fault: 'the lease of a verifier counts from the receipt of its renewal',
    breaks: ['too late', 'too early'],
    file: `${verifier}/feed/renewal.ts`,
    text: 'return this.#granted(held, sent, reply)',
    instead: 'return this.#granted(held, momentOf(this.#options.clock), reply)',
  },
  {
    fault: 'the lease of a verifier goes by the wall clock alone',
    breaks: ['too late'],
    file: 'packages/verifier/src/clock.ts',
    text: 'return Math.max(clock.wallMs() - then.wallMs, clock.monotonicMs() - then.monotonicMs)',
    instead: 'return clock.wallMs() - then.wallMs',
  },
  {
    fault: 'the lease of an instance counts from the receipt of its renewal',
    breaks: ['still used', 'too late', 'too early'],
    file: view,
    text: 'this.#earnedFrom = sent',
    instead: 'this.#earnedFrom = momentOf(this.#clocks)',
  },
  {
    fault: 'what an instance holds in memory is kept over a reconnection',
    breaks: ['still used', 'too late', 'too early'],
    file: view,
    text: 'await this.#viewer.reload()',
    instead: 'if (falls === 0) await this.#viewer.reload()',
  },
  {
    fault: 'a revocation is answered before the instances confirmed it',
    breaks: ['too late'],
    file: untilApplied,
    text: 'await caughtUp(looks, revision, epoch)',
    instead: 'return',
  },
  {
    fault: 'a revocation is answered when one instance confirmed it',
    breaks: ['too late'],
    file: untilApplied,
    text: 'if (live.every(({ applied }) => applied >= revision)) return',
    instead: 'return',
  },
  {
    fault: 'the clock of the database is believed right after a step',
    breaks: ['still used', 'too late', 'too early'],
    file: 'packages/database/src/instances/steadiness.ts',
    text: 'return Math.max(0, leaseMs - (at.monotonic - this.#steppedMs))',
    instead: 'return 0',
  },
  {
    fault: 'an instance counts changes as applied that it did not apply',
    breaks: ['still used', 'too late'],
    file: view,
    text: 'if (changes.length > 0) await this.#viewer.apply(changes)',
    instead: '',
  },
  {
    fault: 'the key set is handed out without a lease',
    breaks: ['too late', 'too early'],
    file: 'packages/idp/src/signing/routes.ts',
    text: 'instance.requireLease()\n    const { body, etag }',
    instead: 'const { body, etag }',
  },
  {
    fault: 'a restored backup brings a revoked key back',
    breaks: ['too late'],
    file: 'packages/idp/src/memory.ts',
    text: 'signing.map((keyring) => journal.corrected(keyring))',
    instead: 'signing',
  },
  {
    fault: 'a keyring is saved whatever others saved meanwhile',
    breaks: ['too early', 'still used', 'too late'],
    file: `${simulated}/world/postgres.ts`,
    text: 'if (held !== previous?.revision) return undefined',
    instead: '',
  },
  {
    fault: 'a lease is granted to a verifier that holds an older trust set',
    breaks: ['too late', 'too early'],
    file: `${simulated}/world/postgres.ts`,
    text: 'const granted = request.epoch === epoch && request.n === n',
    instead: 'const granted = request.epoch === epoch',
  },
]
