import { isAccepted, type Keyring, type Version } from '@rekey/keyring'
import type { Instance } from '../instance.ts'
import type { SigningKeys } from './keys.ts'

const seconds = (ms: number) => Math.floor(ms / 1_000)
const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

/** What may be said about why a key was revoked (OpenID Federation 1.0 §8.7.3). What else operators wrote is not for everybody. */
const reasons = ['compromised', 'superseded']

/**
 * The keys that are accepted no more, and why (OpenID Federation 1.0 §8.7): a signed JWT, so that it can be kept and shown to
 * others. Made anew whenever the keys change.
 *
 * @returns gives it, as this instance holds the keys now
 */
export function historicalKeys(
  instance: Pick<Instance, 'config' | 'keys' | 'issuance' | 'clock'>,
): () => Promise<string> {
  const { config, issuance, clock } = instance
  let made: { keys: SigningKeys; keyring: string; jwt: Promise<string> } | undefined

  async function make(keys: SigningKeys, keyring: string): Promise<string> {
    const { kid } = keys.active(keyring)
    const alg = keys.keyrings.get(keyring)?.algorithm
    const claims = { iss: config.issuer, iat: seconds(clock()), keys: historical([...keys.keyrings.values()]) }
    const input = `${encoded({ alg, typ: 'jwk-set+jwt', kid })}.${encoded(claims)}`
    return `${input}.${(await keys.sign(kid, Buffer.from(input))).toString('base64url')}`
  }

  return () => {
    const keys = instance.keys()
    const { keyring } = issuance()
    if (made?.keys !== keys || made.keyring !== keyring) {
      const jwt = make(keys, keyring)
      made = { keys, keyring, jwt }
      // What failed is tried again.
      jwt.catch(() => {
        if (made?.jwt === jwt) made = undefined
      })
    }
    return made.jwt
  }
}

function historical(keyrings: readonly Keyring[]): object[] {
  return keyrings.flatMap(({ versions }) => versions.filter((version) => !isAccepted(version)).map(shown))
}

function shown({ publicPart, preparedAt, retiredAt, revokedAt, reason }: Version): object {
  const revoked =
    revokedAt === undefined
      ? {}
      : {
          revoked: {
            revoked_at: seconds(revokedAt),
            reason: reasons.find((known) => known === reason) ?? 'unspecified',
          },
        }
  return { ...publicPart, iat: seconds(preparedAt), exp: seconds(revokedAt ?? retiredAt ?? preparedAt), ...revoked }
}
