import { type Clock, elapsedMs, type Moment, momentOf, systemClock } from '../../clock.ts'
import { VerifyError, type VerifyErrorCode } from '../../error.ts'
import { Watch } from '../../files/watch.ts'
import type { Jwks } from '../../keys/jwk.ts'
import { SecretSet } from '../../keys/secret-set.ts'
import { assertKnown } from '../../known-options.ts'
import type { SecretSource } from '../../secrets/source.ts'
import { Ceiling } from '../ceiling.ts'
import { assertFamily } from '../family.ts'
import { type TrustChange, TrustSet } from '../set.ts'
import {
  announceChange,
  assertOneVerifier,
  idleContext,
  type Revision,
  type TrustContext,
  type TrustSnapshot,
  type TrustSource,
} from '../source.ts'
import { keyringFolder } from './keyring-folder.ts'
import { listedSecrets, type SecretOrigin } from './origin.ts'

/** Where the secrets are; exactly one of `secrets` and `keyring` says so. */
export interface SharedSecretsOptions {
  /** `new,old`, a list, or a file; all are accepted. Each at least 32 bytes for HS256, 48 for HS384, 64 for HS512. */
  readonly secrets?: SecretSource
  /** The folder of a keyring of kind `shared-secret`, which Rekey rotates. This process must be able to write into it. */
  readonly keyring?: string
  /** Name of this process in the keyring; no two have the same. Default: the host's, and something random. */
  readonly instance?: string
  readonly clock?: Clock
}

interface Held {
  readonly secrets: SecretSet
  readonly revision: Revision | null
  readonly read: Moment
}

/**
 * Trust in an issuer that shares its secrets with us. What was read last stays in force while a file is gone or cannot be
 * understood, that of a keyring for no longer than a rotation waits for us; a secret that is not listed any more is refused
 * from then on.
 */
class SharedSecretTrust implements TrustSource {
  readonly family = 'shared-secrets'
  readonly #origin: SecretOrigin
  readonly #clock: Clock
  readonly #set = new TrustSet()
  readonly #watch: Watch<TrustChange>
  /** Where somebody counts on this process for as long as he has heard of it. */
  readonly #lease: Ceiling | undefined
  #context: TrustContext = idleContext
  #started: Promise<void> | undefined
  #held: Held | undefined
  #closed = false

  constructor(origin: SecretOrigin, clock: Clock) {
    this.#origin = origin
    this.#clock = clock
    const { leaseMs } = origin
    this.#lease =
      leaseMs === undefined ? undefined : new Ceiling(clock, leaseMs, (event) => this.#context.announce(event))
    const onProblem = (error: VerifyError) => this.#context.announce('problem', error)
    this.#watch = new Watch({ clock, onProblem, look: () => this.#look(), code: 'secrets_failed' })
  }

  async start(context: TrustContext): Promise<void> {
    assertFamily(context.algorithms, this)
    assertOneVerifier(this.#context, context)
    this.#context = context
    this.#started ??= this.#begin()
    return this.#started
  }

  keys(): Jwks {
    if (this.#held === undefined || this.#leftMs === 0) throw new VerifyError('trust_unavailable')
    return this.#held.secrets
  }

  isRevoked(kid: string): boolean {
    return this.#set.isRevoked(kid)
  }

  whyAbsent(kid: string): VerifyErrorCode {
    return this.#set.whyAbsent(kid)
  }

  /** Secrets that stand in the configuration itself do not age. */
  snapshot(): TrustSnapshot {
    const { kids, revokedKids } = this.#set
    const leaseLeftMs = this.#leftMs
    const held = leaseLeftMs > 0
    const ageMs = this.#held === undefined ? null : this.#origin.watched ? elapsedMs(this.#clock, this.#held.read) : 0
    return { held, revision: this.#held?.revision ?? null, kids, revokedKids, leaseLeftMs, ageMs }
  }

  refresh(): Promise<TrustChange> {
    return this.#watch.now()
  }

  /** It is looked every second anyway. */
  async lookAgain(): Promise<boolean> {
    return false
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#lease?.stop()
    // Who waits for the start hears of it there; here it only must not go on.
    await this.#started?.catch(() => {})
    await this.#watch.close()
    await this.#origin.leave?.().catch((error: VerifyError) => this.#context.announce('problem', error))
  }

  async #begin(): Promise<void> {
    // Not through the watch: at the start, what is wrong is told to whoever starts.
    await this.#look()
    // Nothing waited for this process before it was seen, and what was saved meanwhile it may not know yet.
    if (this.#origin.inForce !== undefined) await this.#look()
    if (this.#origin.watched) this.#watch.start()
  }

  async #look(): Promise<TrustChange> {
    const { algorithms, announce } = this.#context
    try {
      const change = await this.#readAndApply(algorithms)
      const acknowledged = await this.#origin.inForce?.(algorithms)
      if (acknowledged !== undefined && !this.#closed) this.#lease?.answered(acknowledged, true)
      announce('asked', 'ok')
      return change
    } catch (error) {
      announce('asked', error instanceof VerifyError ? error.code : 'secrets_failed')
      throw error
    }
  }

  /** Secrets do not run out by themselves, but a promise to somebody who waits for us does. */
  get #leftMs(): number {
    if (this.#held === undefined || this.#closed) return 0
    return this.#lease === undefined ? Number.POSITIVE_INFINITY : this.#lease.leftMs
  }

  async #readAndApply(algorithms: readonly string[]): Promise<TrustChange> {
    const read = momentOf(this.#clock)
    const { keys, revokedKids, revision } = await this.#origin.read(algorithms)
    if (this.#closed) throw new VerifyError('verifier_closed')
    const change = this.#set.apply({ keys, revokedKids })
    this.#held = { secrets: this.#secretsNow(), revision, read }
    announceChange(this.#context.announce, change)
    return change
  }

  /** The same object for as long as nothing changes. */
  #secretsNow(): SecretSet {
    const before = this.#held?.secrets
    const { keys } = this.#set.jwks
    const same = before?.keys.length === keys.length && keys.every((key, i) => key === before.keys[i])
    return before !== undefined && same ? before : new SecretSet(keys, this.#origin.named)
  }
}

/**
 * Trust in the tokens of an issuer that signs them with a secret it shares (HS256, HS384, HS512). Several secrets are accepted
 * at once, so that one can be replaced without a token being refused: add the new one in front everywhere, let the issuer
 * sign with it, and take the old one out when the last token signed with it has expired. Source of `trust` for
 * `createVerifier`; one source serves one verifier.
 *
 * @throws {TypeError} for options of the wrong shape and secrets that are too short; where that depends on the algorithm, or
 *   they stand in a file, when it is started.
 */
export function sharedSecrets(options: SharedSecretsOptions): TrustSource {
  assertKnown('sharedSecrets', options, { secrets: true, keyring: true, instance: true, clock: true })
  const { clock = systemClock } = options
  return new SharedSecretTrust(originOf(options, clock), clock)
}

function originOf({ secrets, keyring, instance }: SharedSecretsOptions, clock: Clock): SecretOrigin {
  if (keyring === undefined) return listedSecrets(secrets)
  if (secrets !== undefined) throw new TypeError('secrets and keyring exclude each other')
  if (typeof keyring !== 'string' || keyring === '') throw new TypeError('keyring must be the path of a folder')
  return keyringFolder(keyring, instance, clock)
}
