import { objectIn, reasonIn } from './answers.ts'
import { type Answer, type Question, Unanswered } from './client.ts'
import type { Hands } from './tools.ts'
import type { InstanceAddress } from './verdict.ts'

/** What an internal endpoint answered. */
export interface InternalAnswer extends Answer {
  /** The process that answered, where it says who it is. */
  process?: string
  /** What it answered of what it promises, where it was 200. */
  reply?: Record<string, unknown>
  /** Its code, where it was not. */
  reason?: string
}

/** The internal endpoints of one instance, for whoever knows their secret. */
export interface InternalEndpoints {
  refresh(): Promise<InternalAnswer>
  deny(entries: readonly Record<string, string>[]): Promise<InternalAnswer>
}

const RETRIES = 2
const PAUSE_MS = 200

export function internalEndpoints(
  instance: InstanceAddress,
  token: string,
  hands: Pick<Hands, 'client' | 'pause'>,
  signal?: AbortSignal,
): InternalEndpoints {
  const post = async (path: string, body?: unknown) => {
    const question: Question = { method: 'POST', path: `/internal/auth/${path}`, token, body, signal }
    return understood(await persistently(() => hands.client(instance, question), hands, signal), token)
  }
  return { refresh: () => post('jwks/refresh'), deny: (entries) => post('deny', { entries }) }
}

/** Both acts may be repeated: what is done is found done. */
async function persistently(ask: () => Promise<Answer>, { pause }: Pick<Hands, 'pause'>, signal?: AbortSignal) {
  for (let retry = 1; ; retry++) {
    try {
      const answer = await ask()
      if (answer.status < 500 || retry > RETRIES) return answer
    } catch (error) {
      if (!(error instanceof Unanswered) || retry > RETRIES) throw error
    }
    await pause(PAUSE_MS * retry, signal)
  }
}

const PROMISED = ['issuer', 'revision', 'kids', 'added', 'removed', 'revoked', 'instance', 'issuers']

/** Only what is promised is kept, and nothing at all of an answer that repeats the secret. */
function understood(answer: Answer, token: string): InternalAnswer {
  if (answer.text.includes(token)) return { status: answer.status, text: '' }
  if (answer.status !== 200) {
    const reason = reasonIn(answer)
    return { ...answer, ...(reason !== undefined && { reason }) }
  }
  const body = objectIn(answer.text)
  if (body === undefined) return answer
  const { instance } = body
  const isName = typeof instance === 'string' && /^[\x21-\x7e]{1,200}$/.test(instance)
  const reply = Object.fromEntries(Object.entries(body).filter(([name]) => PROMISED.includes(name)))
  return { ...answer, reply, ...(isName && { process: instance }) }
}
