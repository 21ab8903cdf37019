/** A key that is given by a variable or a file, and replaced by whoever gives it. */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import type { Jwk } from '@rekey/registration'
import type { SecretSource, Watching } from '../../config/source.ts'
import { BffError } from '../../error.ts'
import type { SigningKey } from '../credentials/keys.ts'
import type { ClientKeys } from './client-keys.ts'

interface Given extends SigningKey {
  readonly jwk: Jwk
  readonly seenAt: number
}

interface GivenSetting {
  readonly source: SecretSource
  /** Of the key that is there at start; later ones have the beginning of their thumbprint behind it. */
  readonly kid: string | undefined
  readonly clientId: string | undefined
  /** For so long an earlier key is served. */
  readonly retireAfterMs: number
  readonly now: () => number
  readonly watching: Watching
}

/** @throws BffError `CONFIG_INVALID` */
export function givenKeys(setting: GivenSetting): ClientKeys {
  const { source, now, retireAfterMs } = setting
  const first = keyOf(setting, source.current(), setting.kid)
  let keys: readonly Given[] = [first]

  function take(text: string): void {
    const key = keyOf(setting, text, undefined)
    if (key.jwk.x === keys[0]?.jwk.x && key.jwk.n === keys[0]?.jwk.n) return
    // The one that signed until now may be older: what it signed a moment ago is on its way.
    const served = keys.filter(({ seenAt }, n) => n === 0 || retireAfterMs <= 0 || now() - seenAt < retireAfterMs)
    keys = [key, ...served]
  }

  const stop = source.watch(take, setting.watching)
  return {
    clientId: () => setting.clientId,
    current: async () => keys[0],
    published: async () => ({ keys: keys.map(({ jwk }) => jwk) }),
    shown: async () => ({
      algorithm: String(keys[0]?.jwk.alg),
      signing: keys[0] && { kid: keys[0].kid, madeAt: keys[0].seenAt },
      waiting: undefined,
      before: keys[1]?.kid,
      earlier: keys
        .slice(1)
        .map(({ kid }) => kid)
        .reverse(),
      former: [],
      rotateEveryMs: 0,
      retireAfterMs,
    }),
    rotate: async () => {
      throw new BffError('GIVEN_ELSEWHERE', `the key is given by ${source.name}: put another one there`)
    },
    close: stop,
  }
}

/** A PEM in a variable often has its line ends written out. */
function keyOf({ source, now }: GivenSetting, text: string, kid: string | undefined): Given {
  const pem = text.replaceAll('\\n', '\n')
  const jwk = publicJwkOf(pem)
  if (jwk === undefined) {
    throw new BffError(
      'CONFIG_INVALID',
      `${source.name}: no private key in PEM (RSA of 2048 bits, P-256, P-384, P-521 or Ed25519)`,
    )
  }
  const name = kid ?? thumbprintOf(jwk).slice(0, 16)
  return { kid: name, pem, jwk: { ...jwk, kid: name }, seenAt: now() }
}

const algorithms: Readonly<Record<string, string>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
}

function publicJwkOf(pem: string): Jwk | undefined {
  try {
    const key = createPrivateKey(pem)
    if ((key.asymmetricKeyDetails?.modulusLength ?? 2048) < 2048) return undefined
    const jwk = createPublicKey(key).export({ format: 'jwk' })
    const alg = jwk.kty === 'RSA' ? 'RS256' : algorithms[jwk.crv ?? '']
    return alg === undefined ? undefined : { ...jwk, use: 'sig', alg }
  } catch {
    // What OpenSSL says of a broken key helps nobody, and could quote it.
    return undefined
  }
}

function thumbprintOf(jwk: Jwk): string {
  const names =
    jwk.kty === 'RSA' ? ['e', 'kty', 'n'] : jwk.kty === 'EC' ? ['crv', 'kty', 'x', 'y'] : ['crv', 'kty', 'x']
  const canonical = JSON.stringify(Object.fromEntries(names.map((name) => [name, jwk[name]])))
  return createHash('sha256').update(canonical).digest('base64url')
}
