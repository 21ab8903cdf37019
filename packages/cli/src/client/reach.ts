import { CliError, messageOf } from '../error.ts'

const defaultReplyWithinMs = 5_000
const beginsWithinMs = 30_000

/** A server's reply with its whole body. */
export interface Reply {
  ok: boolean
  status: number
  text: string
}

/** A good reply whose body is still to be read. */
export interface Opened {
  body: AsyncIterable<Uint8Array>
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
    throw tooLate.aborted ? noReply(init.method, url, replyWithinMs) : unreachable(url, cause)
  }
}

/**
 * A GET whose body is read as it comes, however long that takes.
 *
 * @returns a refusal with its whole text
 * @throws CliError `UNREACHABLE`, also while the body is read
 */
export async function open(fetch: typeof globalThis.fetch, url: string, init: RequestInit): Promise<Opened | Reply> {
  const silent = new AbortController()
  const timer = setTimeout(() => silent.abort(), beginsWithinMs)
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal: silent.signal })
    if (response.ok && response.body) return { body: untilTheEnd(url, response.body) }
    return { ok: false, status: response.status, text: await response.text() }
  } catch (cause) {
    throw silent.signal.aborted ? noReply(init.method, url, beginsWithinMs) : unreachable(url, cause)
  } finally {
    clearTimeout(timer)
  }
}

async function* untilTheEnd(url: string, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* body
  } catch (cause) {
    const message = `${new URL(url).origin} broke its reply off`
    throw new CliError('UNREACHABLE', message, { url, reason: reason(cause) }, { cause })
  }
}

/** Somebody is there and says nothing. The query is left out: codes and tokens stand there. */
export function noReply(method = 'GET', url: string | URL, withinMs: number): CliError {
  const { origin, pathname } = new URL(url)
  const message = `${method} ${origin}${pathname}: no reply within ${withinMs / 1000} s`
  return new CliError('UNREACHABLE', message, { url: `${origin}${pathname}`, reason: 'timeout' })
}

function unreachable(url: string, cause: unknown): CliError {
  const why = reason(cause)
  return new CliError(
    'UNREACHABLE',
    `${new URL(url).origin} cannot be reached: ${why}`,
    { url, reason: why },
    { cause },
  )
}

/** fetch says no more than "fetch failed"; its cause knows. */
function reason(cause: unknown): string {
  const inner = cause instanceof Error ? (cause.cause as NodeJS.ErrnoException | undefined) : undefined
  return inner?.code ?? messageOf(cause)
}
