import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { RegistrationError } from '../error.ts'
import type { KeyAlgorithm } from '../options/client-options.ts'
import { type Jwk, publicJwkOf, thumbprintOf } from './jwk.ts'

/** A private key of ours, read from a file or just made. */
export interface Key {
  readonly privateKey: KeyObject
  /** Its public half without a kid. */
  readonly jwk: Jwk
  readonly thumbprint: string
  /** When its file was written, in milliseconds since the epoch. */
  readonly madeAt: number
}

/** Reads PKCS#8, PKCS#1 and SEC1. @throws RegistrationError CONFIG_INVALID for everything else, encrypted keys included. */
export function keyOfPem(pem: string, path: string, madeAt: number): Key {
  const privateKey = parsed(pem)
  const jwk = privateKey && publicJwkOf(privateKey)
  const thumbprint = jwk && thumbprintOf(jwk)
  if (privateKey === undefined || jwk === undefined || thumbprint === undefined) throw unreadable(path)
  return { privateKey, jwk, thumbprint, madeAt }
}

function parsed(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pem, format: 'pem' })
  } catch {
    // What OpenSSL says of a broken file helps nobody, and could quote it.
    return undefined
  }
}

function unreadable(path: string): RegistrationError {
  return new RegistrationError(
    'CONFIG_INVALID',
    `The file of DCR_SIGNING_KEY, ${path}, is no private key in PEM (PKCS#8, PKCS#1 or SEC1, not encrypted; RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519). ` +
      'It was left as it is. Put the right file there, or move it away and start again: then a new key is made and published.',
  )
}

const generate = promisify(generateKeyPair)

/** A new private key as PKCS#8 PEM. */
export async function newPem(algorithm: KeyAlgorithm): Promise<string> {
  const { privateKey } =
    algorithm === 'ES256'
      ? await generate('ec', { namedCurve: 'P-256' })
      : await generate('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
