import { CliError, messageOf } from '../error.ts'

const defaultReplyWithinMs = 5_000

/** A server's reply with its whole body. */
export interface Reply {
  ok: boolean
  status: number
  text: string
}

/**
 * A fetch, to the end of the body, whose failures to connect are told as such. A server that takes the request and then
 * says nothing is no better than one that is not there.
 *
 * @param replyWithinMs for how long to wait for the end of the reply
 * @throws CliError `UNREACHABLE`
 */
export async function reach(
  fetch: typeof globalThis.fetch,
  url: string,
  init: RequestInit,
  replyWithinMs = defaultReplyWithinMs,
): Promise<Reply> {
  const tooLate = AbortSignal.timeout(replyWithinMs)
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal: tooLate })
    return { ok: response.ok, status: response.status, text: await response.text() }
  } catch (cause) {
    const why = tooLate.aborted ? `no reply within ${replyWithinMs / 1000} s` : reason(cause)
    const message = `${new URL(url).origin} cannot be reached: ${why}`
    throw new CliError('UNREACHABLE', message, { url, reason: tooLate.aborted ? 'timeout' : why }, { cause })
  }
}

/** fetch says no more than "fetch failed"; its cause knows. */
function reason(cause: unknown): string {
  const inner = cause instanceof Error ? (cause.cause as NodeJS.ErrnoException | undefined) : undefined
  return inner?.code ?? messageOf(cause)
}
