import type { ManagementClient } from '../client/management.ts'
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
}

const replyWithinMs = 10_000

/** One request that no session belongs to. */
export async function ask({ fetch }: Pick<Subject, 'fetch'>, url: URL | string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(replyWithinMs) })
  return { status: response.status, text: await response.text() }
}

/** What a good reply holds. */
export async function askForJson(subject: Pick<Subject, 'fetch'>, url: URL): Promise<Record<string, unknown>> {
  const { status, text } = await ask(subject, url)
  expect(status === 200, `${url.pathname} answered ${status}`)
  return JSON.parse(text)
}
