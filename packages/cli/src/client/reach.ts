import { CliError, messageOf } from '../error.ts'

// A revocation is answered when every live instance confirmed it: a lease (5 s) at most, and some air.
const replyWithinMs = 30_000

/** A fetch whose failures to connect are told as such. @throws CliError `UNREACHABLE` */
export async function reach(fetch: typeof globalThis.fetch, url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(replyWithinMs) })
  } catch (cause) {
    throw new CliError('UNREACHABLE', `${new URL(url).origin} cannot be reached: ${reason(cause)}`, { url }, { cause })
  }
}

/** fetch says no more than "fetch failed"; its cause knows. */
function reason(cause: unknown): string {
  const inner = cause instanceof Error ? (cause.cause as NodeJS.ErrnoException | undefined) : undefined
  return inner?.code ?? messageOf(cause)
}
