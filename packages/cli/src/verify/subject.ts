import type { ManagementClient } from '../client/management.ts'
import { noReply } from '../client/reach.ts'
import { CliError, messageOf } from '../error.ts'
import type { User } from '../estate/document.ts'
import { expect } from './check.ts'

/** What is verified, and by whom. */
export interface Subject {
  /** Where browsers reach the backend for frontend. */
  bff: URL
  /** The identity provider, as the estate names it. */
  idp: string
  user: User | undefined
  /** A route by session that answers GET and POST, and one by bearer token. */
  sessionPath: string
  bearerPath: string
  /** An access token of a client. */
  bearer: () => Promise<string>
  management: ManagementClient
  fetch: typeof globalThis.fetch
  /** For how long each reply is waited for. */
  replyWithinMs: number
}

type Asking = Pick<Subject, 'fetch' | 'replyWithinMs'>

/** One request that no session belongs to. @throws CliError `UNREACHABLE` */
export async function ask({ fetch, replyWithinMs }: Asking, url: URL, headers: Record<string, string> = {}) {
  const signal = AbortSignal.timeout(replyWithinMs)
  try {
    const response = await fetch(url, { headers, redirect: 'manual', signal })
    return { status: response.status, text: await response.text() }
  } catch (cause) {
    if (signal.aborted) throw noReply('GET', url, replyWithinMs)
    throw new CliError('UNREACHABLE', `${url.origin} cannot be reached: ${messageOf(cause)}`, {}, { cause })
  }
}

/** What a good reply holds. */
export async function askForJson(subject: Asking, url: URL): Promise<Record<string, unknown>> {
  const { status, text } = await ask(subject, url)
  expect(status === 200, `${url.pathname} answered ${status}`)
  return JSON.parse(text)
}
