import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { ExternalSigningKey } from 'oidc-provider'
import type { Instance } from '../instance.ts'
import type { Sign } from '../signing/sign.ts'
import { asOutage } from './outage.ts'

/**
 * Whichever key of a keyring is active, as the provider signs by it. What it is follows the keys in memory at each use, so that
 * the provider outlives every rotation, and so does whatever flow is under way.
 */
export class ActiveKey extends ExternalSigningKey {
  readonly #instance: Pick<Instance, 'keys' | 'requireLease'>
  readonly #keyring: string
  readonly #algorithm: string
  /** Who signs by the keys that were asked for in this turn of the event loop: header and signature are made one after the other. */
  readonly #asked = new Map<string, Sign>()

  constructor(instance: Pick<Instance, 'keys' | 'requireLease'>, keyring: string, algorithm: string) {
    super()
    this.#instance = instance
    this.#keyring = keyring
    this.#algorithm = algorithm
  }

  override get alg(): string {
    return this.#algorithm
  }

  /** @throws Unavailable while no version of the keyring is active, or this instance has no lease */
  override get kid(): string {
    try {
      this.#instance.requireLease()
      const keys = this.#instance.keys()
      const { kid } = keys.active(this.#keyring)
      if (!this.#asked.has(kid)) {
        this.#asked.set(kid, keys.sign)
        setImmediate(() => this.#asked.delete(kid))
      }
      return kid
    } catch (error) {
      throw asOutage(error)
    }
  }

  override keyObject(): KeyObject {
    const { kid } = this
    const jwk = this.#instance.keys().publicKeys.find((key) => key.kid === kid)
    return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
  }

  override sign(data: Uint8Array): Buffer | Promise<Buffer> {
    const bytes = Buffer.from(data)
    const [header = ''] = bytes.toString().split('.', 1)
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }
    const sign = this.#asked.get(kid) ?? this.#instance.keys().sign
    return sign(kid, bytes)
  }
}
