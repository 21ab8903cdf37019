import { activeVersion, type Change, isAccepted, type Keyring, type Version } from '@rekey/keyring'
import type { SigningKeys } from '../../src/signing/keys.ts'
import type { Estate } from './estate.ts'
import { Excuses } from './excuses.ts'
import type { SimulatedInstance } from './parties/instance.ts'
import type { Reader } from './parties/reader.ts'
import type { SimulatedVerifier } from './parties/verifier-slot.ts'
import type { Life } from './world/process.ts'

/** The last renewal that was granted may have been sent by a clock that runs a little slower than true time. */
const slackMs = 5

interface Revocation {
  committedAtMs: number
  /** Whoever asked was told that it is done. */
  answered: boolean
}

/**
 * Sees everything, by true time, and holds it against what is promised. Whatever an instance could sign at this moment
 * counts as signed: which requests come in when is not left to chance.
 */
export class Observer {
  readonly #estate: Estate
  readonly excuses: Excuses
  /** When the last token that a key may have signed expires, by the clocks of issuers. */
  readonly #expiry = new Map<string, number>()
  readonly #revocations = new Map<string, Revocation>()
  readonly #revokedAt: { kid: string; revision: number }[] = []
  /** What each machine that runs instances has confirmed to be revoked; its journal outlives the process. */
  readonly #confirmed = new Map<string, Set<string>>()
  /** Every version as it stands in the database. */
  #versions = new Map<string, Version>()
  readonly #kidsOf = new WeakMap<SigningKeys, { active: string[]; published: Set<string> }>()
  #restoredAtMs = Number.NEGATIVE_INFINITY
  /** How often the database was put back. */
  restores = 0

  constructor(estate: Estate) {
    this.#estate = estate
    this.excuses = new Excuses(estate)
  }

  count(label: string): void {
    this.#estate.world.count(label)
  }

  readonly committed = (previous: Keyring | undefined, next: Keyring, change: Change): void => {
    const { world } = this.#estate
    world.count(`step: ${change.action}`)
    world.log(() => `  ${next.name} ${next.revision}: ${next.versions.map(brief).join(' ')}`)
    const actives = next.versions.filter(({ state }) => state === 'active').length
    if (actives !== 1) world.violated(`${next.name} has ${actives} active versions after ${change.action}`)
    this.excuses.committed(previous, next)
    for (const version of next.versions) {
      this.#versions.set(version.id, version)
      if (version.state === 'revoked') this.#revoked(version.id, next.revision)
    }
  }

  confirmed(life: Life, revision: number): void {
    const known = this.#confirmedAt(life)
    for (const { kid, revision: at } of this.#revokedAt) if (at <= revision) known.add(kid)
  }

  /** Whoever asked for a revocation was told that it is done. */
  answered(kid: string): void {
    const revocation = this.#revocations.get(kid)
    if (revocation) revocation.answered = true
    else this.#estate.world.violated(`the revocation of ${kid} was answered and is not committed`)
  }

  wasAnswered(kid: string): boolean {
    return this.#revocations.get(kid)?.answered === true
  }

  /** The database was put back to an earlier state: what was said about it since is not true any more. */
  restored(n: number, keyrings: readonly Keyring[]): void {
    this.#versions = new Map(keyrings.flatMap(({ versions }) => versions.map((version) => [version.id, version])))
    this.#restoredAtMs = this.#estate.world.now
    this.restores += 1
    this.#revocations.clear()
    for (let at = this.#revokedAt.length - 1; at >= 0; at -= 1) {
      if ((this.#revokedAt[at]?.revision ?? 0) > n) this.#revokedAt.splice(at, 1)
    }
    this.excuses.restored()
  }

  /**
   * Until it has looked again an instance cannot know that a backup was restored, and the leases that were granted after it
   * was made stand nowhere: for one lease it may act on what is gone.
   */
  get justRestored(): boolean {
    return this.#estate.world.now < this.#restoredAtMs + 10_000
  }

  /** What was confirmed to be revoked by anybody: it must be revoked in the end, whatever was restored. */
  get everConfirmed(): Set<string> {
    return new Set([...this.#confirmed.values()].flatMap((kids) => [...kids]))
  }

  check(): void {
    for (const { instance } of this.#estate.instances) if (instance) this.#checkInstance(instance)
    for (const { verifier } of this.#estate.verifiers) if (verifier?.life.running) this.#checkVerifier(verifier)
    for (const reader of this.#estate.readers) this.#checkReader(reader)
  }

  #checkInstance(instance: SimulatedInstance): void {
    const { life, view } = instance
    if (!life.running || !view.held()) return
    const { active, published } = this.#kidsIn(instance.keys())
    for (const kid of active) this.#signs(instance, kid)
    const confirmed = this.#confirmedAt(life)
    if (this.#revocations.size === 0 && confirmed.size === 0) return
    for (const kid of published) {
      if (confirmed.has(kid)) this.#violated(`${life.name} publishes ${kid}, whose revocation it confirmed`)
      if (this.wasAnswered(kid)) this.#violated(`${life.name} publishes ${kid}, whose revocation was answered`)
    }
  }

  #signs({ life }: SimulatedInstance, kid: string): void {
    const { setting } = this.#estate
    const expiresAt = life.clock.wall() + setting.policy.maxTokenTtlMs
    this.#expiry.set(kid, Math.max(expiresAt, this.#expiry.get(kid) ?? 0))
    if (this.#confirmedAt(life).has(kid)) this.#violated(`${life.name} signs by ${kid}, whose revocation it confirmed`)
    if (this.wasAnswered(kid)) this.#violated(`${life.name} signs by ${kid}, whose revocation was answered`)
    if (this.justRestored) return
    const version = this.#versions.get(kid)
    if (!version || !mayBeSignedBy(version)) {
      this.#violated(`${life.name} signs by ${kid}, which is ${version ? brief(version) : 'gone'} for everybody`)
    }
  }

  #checkVerifier(verifier: SimulatedVerifier): void {
    const { life, trust, kids, revoked, graceMs } = verifier
    if (!holdsTrust(trust)) return
    const wall = life.clock.wall()
    for (const [kid, expiresAt] of this.#expiry) {
      if (wall >= expiresAt || kids.has(kid) || this.excuses.verifier(verifier, kid)) continue
      this.#violated(
        `${life.name} refuses a token by ${kid} (${trust.whyAbsent(kid)}) that is valid for ${expiresAt - wall} ms`,
      )
    }
    for (const [kid, { committedAtMs }] of this.#revocations) {
      if (!kids.has(kid) || this.excuses.unnoticed) continue
      const forMs = this.#estate.world.now - committedAtMs
      if (forMs > graceMs + slackMs) this.#violated(`${life.name} accepts ${kid} ${forMs} ms after its revocation`)
    }
    for (const kid of revoked)
      if (kids.has(kid)) this.#violated(`${life.name} accepts ${kid} and knows that it is revoked`)
  }

  #checkReader(reader: Reader): void {
    const { kids } = reader
    if (!kids) return
    const wall = reader.clock.wall()
    for (const [kid, expiresAt] of this.#expiry) {
      if (wall >= expiresAt || kids.has(kid) || this.excuses.reader(reader, kid)) continue
      this.#violated(
        `${reader.name} does not know ${kid}, which signed a token that is valid for ${expiresAt - wall} ms`,
      )
    }
  }

  #revoked(kid: string, revision: number): void {
    if (this.#revocations.has(kid)) return
    this.#revocations.set(kid, { committedAtMs: this.#estate.world.now, answered: false })
    this.#revokedAt.push({ kid, revision })
  }

  #confirmedAt({ machine }: Life): Set<string> {
    const known = this.#confirmed.get(machine) ?? new Set<string>()
    this.#confirmed.set(machine, known)
    return known
  }

  #kidsIn(keys: SigningKeys): { active: string[]; published: Set<string> } {
    const known = this.#kidsOf.get(keys)
    if (known) return known
    const active = [...keys.keyrings.values()].flatMap((keyring) => activeVersion(keyring)?.id ?? [])
    const found = { active, published: new Set(keys.publicKeys.map(({ kid }) => String(kid))) }
    this.#kidsOf.set(keys, found)
    return found
  }

  #violated(message: string): void {
    this.#estate.world.violated(message)
  }
}

/** A key may differ between two instances only while a change of the active one is on its way to all of them. */
function mayBeSignedBy({ state, demotedAt }: Version): boolean {
  return state === 'active' || (state === 'retiring' && demotedAt === undefined)
}

function holdsTrust(trust: SimulatedVerifier['trust']): boolean {
  try {
    trust.keys()
    return true
  } catch {
    // It throws exactly when nobody vouches for its keys any more.
    return false
  }
}

function brief(version: Version): string {
  const { id, state, servedAt, demotedAt, revocation } = version
  const marks = [servedAt && 'served', demotedAt && 'demoted', revocation && 'to be revoked'].filter(Boolean)
  return `${id}=${state}${marks.length > 0 ? `(${marks.join(', ')})` : ''}${isAccepted(version) ? '' : '†'}`
}
