/** The policy decision point, as it is asked over HTTP (AuthZEN Authorization API 1.0 §6 and §7). */
import CircuitBreaker from 'opossum'
import { type Answer, ask, basic, type Send, type Tried } from '../calls/call.ts'
import { type Patience, retried } from '../calls/retry.ts'
import type { Clock } from '../clock.ts'
import type { Pdp } from '../config/files/pdp.ts'
import { memberAt } from '../json/member.ts'
import type { Question } from './question.ts'
import { type OwnToken, ownToken } from './token.ts'
import type { Transport } from './transport.ts'

/** `isSure`: it was decided, and not refused because deciding failed. */
export interface Decision {
  readonly isAllowed: boolean
  readonly isSure: boolean
}

/** Asked once for many questions; left alone for a while when it fails again and again. */
export interface DecisionPoint {
  /** @returns a decision for each question, or why there is none */
  decide(questions: readonly Question[]): Promise<{ decisions: readonly Decision[] } | { fault: string }>
  close(): Promise<void>
}

export interface Asking {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: () => number
  readonly countToken: (status: string) => void
}

/** What a question may be answered that is nobody's fault but its own: no reason to leave the decision point alone. */
class Unanswerable extends Error {}

export function decisionPoint(pdp: Pdp, { transport, clock, random, countToken }: Asking): DecisionPoint {
  const tokenUrl = pdp.credentials?.tokenUrl
  const token =
    pdp.credentials && tokenUrl
      ? ownToken(pdp.credentials, tokenUrl, { send: transport.toIssuer, clock, count: countToken })
      : undefined
  const patience: Patience = { ...pdp.retry, timeoutMs: pdp.timeoutMs, random }
  const breaker = breakerOf(async ({ url, body, read }) => {
    const text = JSON.stringify(body)
    const tried = await retried((signal) => askOnce(transport.toPdp, { url, body: text, pdp, token }, signal), patience)
    return read(decidedIn(tried))
  }, pdp.breaker)
  return {
    async decide(questions) {
      try {
        return { decisions: await breaker.fire(callFor(questions, pdp)) }
      } catch (error) {
        return { fault: (error as Error).message }
      }
    },
    async close() {
      breaker.shutdown()
      await transport.close()
    },
  }
}

/** One exchange with the decision point. `read` throws when the answer cannot be understood. */
interface Call {
  readonly url: URL
  readonly body: unknown
  readonly read: (json: unknown) => readonly Decision[]
}

type Exchange = (call: Call) => Promise<readonly Decision[]>

function breakerOf(exchange: Exchange, limits: Pdp['breaker']): CircuitBreaker<[Call], readonly Decision[]> {
  return new CircuitBreaker(exchange, {
    // The time limit is that of the exchange itself, which ends its request too.
    timeout: false,
    enabled: limits !== undefined,
    errorFilter: (error: unknown) => error instanceof Unanswerable,
    ...(limits && {
      volumeThreshold: limits.failures,
      errorThresholdPercentage: limits.errorPercentage,
      resetTimeout: limits.recoveryMs,
    }),
  })
}

function decidedIn(tried: Tried<Answer>): unknown {
  if ('fault' in tried) throw new Error(tried.fault)
  const { status, json } = tried.value
  if (status === 200) return json
  throw status === 401 || status === 403 ? new Error(`refused (${status})`) : new Unanswerable(`status ${status}`)
}

async function askOnce(
  send: Send,
  { url, body, pdp, token }: { url: URL; body: string; pdp: Pdp; token: OwnToken | undefined },
  signal: AbortSignal,
): Promise<Tried<Answer>> {
  const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/json' }
  const held = await token?.get(signal)
  if (held && 'fault' in held) return { fault: `no token to ask by (${held.fault})`, afterMs: held.afterMs }
  const { clientId, clientSecret } = pdp.credentials ?? {}
  if (held) headers.authorization = `Bearer ${held.value}`
  else if (clientId && clientSecret) headers.authorization = basic(clientId, clientSecret.current())
  const tried = await ask(send, { url, headers, body }, signal)
  if (held && 'value' in tried && tried.value.status === 401) {
    // Taken back, or its issuer has other keys now: another one may be good.
    token?.forget(held.value)
    return { fault: 'refused (401)' }
  }
  return tried
}

/** One question goes to the one endpoint, several go to the other one together. */
function callFor(questions: readonly Question[], { evaluation, batch }: Pdp): Call {
  const [first] = questions
  if (questions.length === 1) return { url: evaluation, body: first, read: (json) => [decisionIn(json)] }
  const body = {
    subject: first?.subject,
    context: first?.context,
    evaluations: questions.map(({ resource, action }) => ({ resource, action })),
    options: { evaluations_semantic: 'execute_all' },
  }
  return { url: batch, body, read: (json) => decisionsIn(json, questions.length) }
}

/** One that is missing must not be taken for one that allows. */
function decisionsIn(json: unknown, wanted: number): Decision[] {
  const answers = memberAt(json, 'evaluations')
  if (!Array.isArray(answers) || answers.length !== wanted) throw new Error('the answer cannot be understood')
  return answers.map(decisionIn)
}

function decisionIn(json: unknown): Decision {
  const decision = memberAt(json, 'decision')
  if (typeof decision !== 'boolean') throw new Error('the answer cannot be understood')
  return { isAllowed: decision, isSure: memberAt(json, 'context.error') === undefined }
}
