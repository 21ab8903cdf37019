import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A new client secret: `sk_live_` and 256 random bits in hexadecimal. */
export function newClientSecret(): string {
  return `sk_live_${randomBytes(32).toString('hex')}`
}

/** SHA-256: what is stored instead of a secret of 256 random bits. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

/** Compares in constant time. */
export function matchesHash(secret: string, sha256: Buffer): boolean {
  return timingSafeEqual(hashSecret(secret), sha256)
}

/** Compared with where there is nothing to compare with, so that an unknown client costs what a known one does. */
export const nobodysHash = hashSecret(newClientSecret())
