import { randomBytes } from 'node:crypto'
import type { Keyring } from '../lifecycle/keyring.ts'
import type { Material } from '../lifecycle/version.ts'
import type { InstanceKind } from './kind.ts'
import { signingKey } from './signing-key.ts'

/**
 * A secret that its issuer and those who verify share (HS256, HS384, HS512). It is a signing key whose verifiers are all known:
 * nobody can hold it unseen.
 *
 * Propagated: every live process that verifies has loaded it; patience with those that do not is that with verifiers of a
 * signing key. Drained: as for a signing key, by its tokens' expiry.
 */
export const sharedSecret: InstanceKind = {
  name: 'shared-secret',
  holder: 'instances',
  standby: true,
  acceptsByPrivate: true,
  propagated: (keyring, version, evidence, now) =>
    signingKey.propagated(withoutAnonymousReaders(keyring), version, evidence, now),
  drained: signingKey.drained,
}

function withoutAnonymousReaders(keyring: Keyring): Keyring {
  return { ...keyring, policy: { ...keyring.policy, anonymousPropagationMs: 0 } }
}

/** RFC 7518 §3.2: at least as long as the digest. */
const bytesFor: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 }

/**
 * Makes a shared secret: random bytes in base64url, in the private part of its version. The secret is that text, and the HMAC
 * key its bytes in UTF-8, so that it can be handed to software that takes a string. Its id may stand in a token as `kid`.
 *
 * @param random where the bytes come from
 */
export async function makeSharedSecret(
  { algorithm }: Keyring,
  random: (bytes: number) => Buffer = randomBytes,
): Promise<Material> {
  const bytes = bytesFor[algorithm]
  if (bytes === undefined) throw new TypeError(`there is no shared secret for ${algorithm}`)
  const id = `${algorithm.toLowerCase()}-${random(6).toString('hex')}`
  return { id, publicPart: { kid: id, alg: algorithm }, sealedPrivate: random(bytes).toString('base64url') }
}
