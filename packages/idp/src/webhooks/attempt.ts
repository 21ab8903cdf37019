import { IdpError } from '../error.ts'
import { guardedFetch, type OutboundAgents } from '../outbound/fetch.ts'
import type { OutboundRules } from '../outbound/rules.ts'
import { askedBy } from './retry.ts'
import { signatures } from './signature.ts'

/** By which deliveries are made. */
export interface Sending {
  rules: OutboundRules
  agents: OutboundAgents
  timeoutMs: number
  now: () => number
}

/** What a receiver is sent. */
export interface Message {
  id: string
  body: string
  url: string
  secrets: readonly string[]
}

/** What came of it. */
export interface Outcome {
  isDelivered: boolean
  /** It makes no sense to try again. */
  isFinal?: boolean
  /** Of the answer, if there was one. */
  status?: number
  /** In words that say nothing of what the receiver sent. */
  error?: string
  /** How long the receiver wants to be left alone. */
  askedMs?: number | undefined
}

/** Nobody reads what a receiver says, but so much is taken, so that the connection can be used again. */
const mostAnswerBytes = 64 * 1024
const mostRedirects = 3

/** By this a receiver says that it wants no more (RFC 9110 §15.5.11). */
export const gone = 410

/**
 * Sends a message, as Standard Webhooks 1.0 has it. It throws for nothing that a receiver does.
 *
 * @param signal throws when it says that there is no more time
 */
export async function attempt(
  { rules, agents, timeoutMs, now }: Sending,
  message: Message,
  signal: AbortSignal,
): Promise<Outcome> {
  const { id, body, url, secrets } = message
  const timestamp = Math.floor(now() / 1_000)
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures(secrets, { id, timestamp, body }),
  }
  const how = { timeoutMs, maxBytes: mostAnswerBytes, statusAlone: true, redirects: mostRedirects, agents, signal }
  try {
    const { status, headers: answered } = await guardedFetch(rules, url, { method: 'POST', headers, body, ...how })
    if (status >= 200 && status < 300) return { isDelivered: true, status }
    const askedMs = askedBy(answered['retry-after'], now())
    return { isDelivered: false, isFinal: status === gone, status, error: `answered ${status}`, askedMs }
  } catch (error) {
    if (!(error instanceof IdpError) || signal.aborted) throw error
    return { isDelivered: false, error: String(error.facts?.why ?? error.code) }
  }
}
