import { createHmac, randomBytes } from 'node:crypto'

const prefix = 'whsec_'
const secretBytes = 32

/** As the Standard Webhooks specification writes a secret. */
export function newSigningSecret(): string {
  return prefix + randomBytes(secretBytes).toString('base64')
}

/** What is signed: which message this is, when it is sent, and what it says. */
export interface Signed {
  id: string
  /** In seconds since the epoch. */
  timestamp: number
  body: string
}

/**
 * The header `webhook-signature`: one signature for each secret, so that a receiver may hold the old one or the new one.
 *
 * @param secrets the newest first
 */
export function signatures(secrets: readonly string[], { id, timestamp, body }: Signed): string {
  const text = `${id}.${timestamp}.${body}`
  return secrets.map((secret) => `v1,${createHmac('sha256', keyOf(secret)).update(text).digest('base64')}`).join(' ')
}

function keyOf(secret: string): Buffer {
  return Buffer.from(secret.slice(prefix.length), 'base64')
}
