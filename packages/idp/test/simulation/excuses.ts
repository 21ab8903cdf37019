import { activeVersion, type Keyring } from '@rekey/keyring'
import type { Estate } from './estate.ts'
import type { Reader } from './parties/reader.ts'
import type { SimulatedVerifier } from './parties/verifier-slot.ts'
import type { Life } from './world/process.ts'

/** Where it is not promised that a token is accepted: an operator took that on himself, or the ground was pulled away. */
export class Excuses {
  readonly #estate: Estate
  /** Keys that somebody asked to be revoked, or that the database went back behind. */
  readonly #kids = new Set<string>()
  /** Keys that were put to use before everybody had to know them: by whom they were not known then. */
  readonly #hurried = new Map<string, { atMs: number; unaware: ReadonlySet<Life> }>()
  /** Verifiers that an operator forgot, or that a restored database does not know: until when they may be behind. */
  readonly #unknown = new Map<Life, number>()
  /** In which epoch the database was when it was put back. */
  #epochBefore: number | undefined

  constructor(estate: Estate) {
    this.#estate = estate
  }

  committed(previous: Keyring | undefined, next: Keyring): void {
    for (const { id, revocation, state } of next.versions) if (revocation || state === 'revoked') this.#kids.add(id)
    const before = previous && activeVersion(previous)
    const after = activeVersion(next)
    if (!before || !after || before.id === after.id) return
    const impatient = next.policy.verifierPatienceMs !== null
    if (previous.rotation?.forced || before.revocation || impatient) this.#hurry(after.id)
  }

  restored(): void {
    this.#epochBefore = this.#estate.postgres.newest().epoch
    for (const kid of this.#estate.kids) this.#kids.add(kid)
    for (const { verifier } of this.#estate.verifiers) if (verifier) this.forgotten(verifier)
  }

  /**
   * A backup was restored and no epoch began: whoever was ahead of it ended before it could tell. Revisions that verifiers
   * hold are then used a second time, and mean something else.
   */
  get unnoticed(): boolean {
    return this.#epochBefore === this.#estate.postgres.newest().epoch
  }

  forgotten({ life, graceMs }: SimulatedVerifier): void {
    this.#unknown.set(life, this.#estate.world.now + graceMs)
  }

  verifier({ life }: SimulatedVerifier, kid: string): boolean {
    if (this.#estate.setting.beyondSkew || this.#kids.has(kid) || this.unnoticed) return true
    return this.#hurried.get(kid)?.unaware.has(life) === true || (this.#unknown.get(life) ?? 0) > this.#estate.world.now
  }

  reader({ askedAtMs }: Reader, kid: string): boolean {
    if (this.#estate.setting.beyondSkew || this.#kids.has(kid)) return true
    return askedAtMs < (this.#hurried.get(kid)?.atMs ?? Number.NEGATIVE_INFINITY)
  }

  #hurry(kid: string): void {
    const verifiers = this.#estate.verifiers.flatMap(({ verifier }) => verifier ?? [])
    const unaware = new Set(verifiers.filter(({ kids }) => !kids.has(kid)).map(({ life }) => life))
    this.#hurried.set(kid, { atMs: this.#estate.world.now, unaware })
  }
}
