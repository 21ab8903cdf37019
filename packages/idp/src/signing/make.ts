import { createHash, generateKeyPair as generateKeyPairCallback, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { Sealer } from '@rekey/database'
import type { Keyring, Material } from '@rekey/keyring'
import type { Clock } from '../clock.ts'

const generateKeyPair = promisify(generateKeyPairCallback)

interface Pair {
  publicKey: KeyObject
  privateKey: KeyObject
}

/** How to make a key for each algorithm that a signing keyring may have. */
const makers: Readonly<Record<string, () => Promise<Pair>>> = {
  ES256: () => generateKeyPair('ec', { namedCurve: 'P-256' }),
  RS256: () => generateKeyPair('rsa', { modulusLength: 2048 }),
}

/** Where a private half is stored; sealing binds it to this place. */
export function recordOf(keyring: string, kid: string): string {
  return `keyrings/${keyring}/${kid}`
}

/** Makes signing keys: the public half as a JWK, the private half (PKCS #8) sealed. */
export function keyMaker(sealer: Sealer, clock: Clock): (keyring: Keyring) => Promise<Material> {
  return async (keyring) => {
    const make = makers[keyring.algorithm]
    if (!make) throw new Error(`no key can be made for ${keyring.algorithm}`)
    const { publicKey, privateKey } = await make()
    const jwk = publicKey.export({ format: 'jwk' })
    const kid = kidOf(keyring.algorithm, jwk, clock())
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' })
    return {
      id: kid,
      publicPart: { ...jwk, kid, alg: keyring.algorithm, use: 'sig' },
      sealedPrivate: sealer.seal(recordOf(keyring.name, kid), pkcs8),
    }
  }
}

/** The day shows an operator its age; the digest of the key itself makes sure that no `kid` is ever used twice. */
function kidOf(algorithm: string, jwk: object, now: number): string {
  const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '')
  const digest = createHash('sha256').update(JSON.stringify(jwk)).digest('hex').slice(0, 12)
  return `${algorithm.toLowerCase()}-${day}-${digest}`
}
