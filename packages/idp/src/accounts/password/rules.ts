import { randomBytes } from 'node:crypto'
import { z } from 'zod'

/** NIST SP 800-63B §3.1.1.2: long enough, any character, and no rule about which. */
const leastPassword = 12
const mostPassword = 256

export const newPassword = z.string().min(leastPassword, `at least ${leastPassword} characters`).max(mostPassword)

/** 160 bits, of letters that nobody mistakes for others. */
export function generatedPassword(): string {
  const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789'
  return [...randomBytes(32)].map((byte) => alphabet[byte % 32]).join('')
}
