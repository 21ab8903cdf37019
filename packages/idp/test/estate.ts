/** A real identity provider on a database of its own, as the tests use it. */
import { Writable } from 'node:stream'
import { connect } from '@rekey/database'
import { freePort, testDatabase } from '@rekey/database/testing'
import { pinoRedaction } from '@rekey/redact'
import { pino } from 'pino'
import { ensureClients, managementScopes, readConfig, startIdp } from '../src/index.ts'
import type { IdpTables } from '../src/tables.ts'

export { eventually } from '@rekey/database/testing'

export const admin = { clientId: 'admin-1', clientSecret: `sk_live_${'a'.repeat(64)}` }
export const agent = { clientId: 'agent-1', clientSecret: `sk_live_${'b'.repeat(64)}` }
export const reader = { clientId: 'reader-1', clientSecret: `sk_live_${'c'.repeat(64)}` }
export const verifier = { clientId: 'verifier-1', clientSecret: `sk_live_${'d'.repeat(64)}` }
const rootKey = '07'.repeat(32)

type Credential = typeof admin

export interface Reply {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: replies are checked member by member in the tests
  body: any
}

/** Starts a database with clients; instances are started on it one by one. */
export async function startEstate(environment: Record<string, string> = {}) {
  const database = await testDatabase()
  await ensureClients(database.ownerUrl, {
    agents: [
      { ...admin, name: 'admin', scopes: managementScopes },
      { ...agent, name: 'agent', scopes: ['reports:read', 'reports:write'] },
      { ...reader, name: 'reader', scopes: ['keyrings:read'] },
    ],
    verifiers: [{ ...verifier, name: 'api' }],
  })
  const owner = connect<IdpTables>(database.ownerUrl, { max: 2 })
  const running: { close(): Promise<void> }[] = []

  async function instance(more: Record<string, string> = {}) {
    const port = await freePort()
    const url = `http://localhost:${port}`
    const env = {
      DATABASE_URL: database.serviceUrl,
      DATABASE_OWNER_URL: database.ownerUrl,
      REKEY_ISSUER: url,
      REKEY_PORT: String(port),
      REKEY_ROOT_KEY: 'env:ROOT',
      ROOT: rootKey,
      REKEY_ANONYMOUS_PROPAGATION: '0s',
      ...environment,
      ...more,
    }
    const lines: string[] = []
    const log = pino({ ...pinoRedaction(), level: 'debug' }, collector(lines))
    const idp = await startIdp(readConfig(env), env, log)
    running.push(idp)
    return { ...clientOf(url), url, idp, lines, close: () => close(idp) }
  }

  async function close(idp: { close(): Promise<void> }): Promise<void> {
    running.splice(running.indexOf(idp), 1)
    await idp.close()
  }

  return {
    database,
    db: owner.db,
    instance,
    async stop() {
      await Promise.all(running.splice(0).map((idp) => idp.close()))
      await owner.close()
      await database.drop()
    },
  }
}

export type Estate = Awaited<ReturnType<typeof startEstate>>
export type TestInstance = Awaited<ReturnType<Estate['instance']>>

function clientOf(url: string) {
  async function call(path: string, init: RequestInit = {}): Promise<Reply> {
    const reply = await fetch(url + path, init)
    const text = await reply.text()
    const json = /json/.test(reply.headers.get('content-type') ?? '')
    return { status: reply.status, headers: reply.headers, body: json ? JSON.parse(text) : text }
  }

  /** Asks the token endpoint by client_secret_basic. */
  function token(credential: Credential, form: Record<string, string> = {}): Promise<Reply> {
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...form })
    return call('/api/v1/token', { method: 'POST', headers: { authorization: basic(credential) }, body })
  }

  async function management(credential: Credential = admin): Promise<string> {
    return (await token(credential, { scope: 'management' })).body.access_token
  }

  async function manage(method: string, path: string, body?: unknown, bearer?: string): Promise<Reply> {
    const authorization = `Bearer ${bearer ?? (await management())}`
    const json = body === undefined ? {} : { 'content-type': 'application/json' }
    return call(path, {
      method,
      headers: { authorization, ...json },
      body: body === undefined ? null : JSON.stringify(body),
    })
  }

  return { call, token, management, manage }
}

/** What a process that verifies says of itself when it asks for a lease. */
export interface AboutProcess {
  instance: string
  algorithms?: string[]
  mode?: string
  ceilingSeconds?: number
}

/** On a busy machine a test may take longer than a lease. */
const patient = { mode: 'last-known-good', ceilingSeconds: 60 }

/** A process that verifies, played by hand: it acknowledges what the test wants it to. */
export function apiProcess(idp: TestInstance, about: AboutProcess) {
  const held = { epoch: 0, n: 0 }
  const send = (method: string, body: object) =>
    idp.call('/trust/lease', {
      method,
      headers: { authorization: basic(verifier), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const ask = async (claimed: object = {}) =>
    (await send('POST', { library: 'test/1', ...patient, ...about, ...held, ...claimed })).body
  return {
    id: `api/${about.instance}`,
    held,
    /** Asks for a lease by what it holds. */
    ask,
    /** Takes what is newest, as often as it takes to be granted a lease. */
    async catchUp() {
      for (;;) {
        const reply = await ask()
        if (reply.leaseSeconds > 0) return
        if (reply.leaseSeconds !== 0) throw new Error(`no answer to a request for a lease: ${JSON.stringify(reply)}`)
        held.epoch = reply.epoch
        held.n = reply.n
      }
    },
    goodbye: () => send('DELETE', { instance: about.instance }),
  }
}

export function basic({ clientId, clientSecret }: Credential): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
}

/** The claims of a JWT, unverified. */
export function decodeUnverified(token: string) {
  const [header = '', payload = ''] = token.split('.')
  const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  return { header: decode(header), payload: decode(payload) }
}

function collector(lines: string[]): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
}
