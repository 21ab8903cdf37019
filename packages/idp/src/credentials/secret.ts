import { randomBytes, timingSafeEqual } from 'node:crypto'
import { sha256 } from '../sha256.ts'

/** A new client secret: `sk_live_` and 256 random bits in hexadecimal. */
export function newClientSecret(): string {
  return `sk_live_${randomBytes(32).toString('hex')}`
}

/** SHA-256: what is stored instead of a secret of 256 random bits. */
export function hashSecret(secret: string): Buffer {
  return sha256(secret)
}

/** Compares in constant time. */
export function matchesHash(secret: string, stored: Buffer): boolean {
  return timingSafeEqual(hashSecret(secret), stored)
}

/** Compared with where there is nothing to compare with, so that an unknown client costs what a known one does. */
export const nobodysHash = hashSecret(newClientSecret())
