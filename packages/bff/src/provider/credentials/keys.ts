/**
 * The keys by which this client signs assertions (RFC 7523), newest first: the one in the folder, or a given one, and those before it that
 * this process signed by. All of them are registered while one takes the place of another; so a request that is refused with the newest,
 * because the provider read the set a moment ago, is made by the one before.
 */
import { createPrivateKey, type KeyObject, type webcrypto } from 'node:crypto'
import { modifyAssertion, PrivateKeyJwt } from 'openid-client'
import type { Logger } from 'pino'
import type { Credential, Credentials } from './credentials.ts'

/** A private key with the name it is registered by. */
export interface SigningKey {
  readonly kid: string
  readonly pem: string
}

export interface KeysSetting {
  readonly clientId: () => string | undefined
  /** The key as it is now: it is another one as soon as any replica rotated. */
  readonly current: () => Promise<SigningKey | undefined>
  readonly log: Logger
}

/** So many of the keys before are held. */
const mostBefore = 2

export function keyCredentials({ clientId, current, log }: KeysSetting): Credentials {
  let held: readonly Credential[] = []

  async function candidates(): Promise<readonly Credential[]> {
    const key = await current()
    const id = clientId()
    if (id === undefined) return []
    // What cannot be read at the moment is no reason to stop signing.
    if (key === undefined) return held.filter((credential) => credential.clientId === id)
    const newest = held[0]
    if (newest?.id === key.kid && newest.clientId === id) return held
    const before = held.filter((credential) => credential.id !== key.kid && credential.clientId === id)
    held = [credentialOf(key, id), ...before.slice(0, mostBefore)]
    log.info({ kid: key.kid }, 'assertions are signed by this key from now on')
    return held
  }

  return {
    clientId,
    candidates,
    worked: () => undefined,
    refused({ id }) {
      log.warn({ kid: id }, 'the identity provider does not accept an assertion by this key')
    },
    // The next look reads the folder anyway.
    lookAgain: async () => undefined,
    close: async () => undefined,
  }
}

function credentialOf({ kid, pem }: SigningKey, clientId: string): Credential {
  const key = cryptoKeyOf(createPrivateKey(pem))
  return { id: kid, clientId, authenticate: PrivateKeyJwt({ key, kid }, { [modifyAssertion]: asProvidersNameIt }) }
}

/** RFC 9864 gives the algorithm a name of its own; most providers know it as EdDSA. */
function asProvidersNameIt(header: Record<string, unknown>): void {
  if (header.alg === 'Ed25519') header.alg = 'EdDSA'
}

/** Curves of assertions, by the names that OpenSSL has for them. */
const curves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

function cryptoKeyOf(key: KeyObject): CryptoKey {
  const { namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ec') return toCryptoKey(key, { name: 'ECDSA', namedCurve: curves[namedCurve] })
  if (key.asymmetricKeyType === 'ed25519') return toCryptoKey(key, { name: 'Ed25519' })
  return toCryptoKey(key, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' })
}

type CryptoKey = webcrypto.CryptoKey

function toCryptoKey(key: KeyObject, algorithm: object): CryptoKey {
  return key.toCryptoKey(algorithm as Parameters<KeyObject['toCryptoKey']>[0], false, ['sign'])
}
