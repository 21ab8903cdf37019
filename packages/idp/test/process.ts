/** Our identity provider as a process of its own, with a database of its own and an account that can log in. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { eventually, freePort, testDatabase } from '@rekey/database/testing'

const MAIN = new URL('../src/main.ts', import.meta.url)
const admin = { id: 'admin-1', secret: `sk_live_${'a'.repeat(64)}` }

/** Who logs in. */
export const user = { username: 'ada', password: 'an engine of brass and steam' }

/** What may be asked of an initial access token. */
export interface InitialAccess {
  client_profile?: string
  client_id?: string
  max_usages?: number
}

export type Rekey = Awaited<ReturnType<typeof startRekey>>

/** @param environment what differs from the defaults */
export async function startRekey(environment: NodeJS.ProcessEnv = {}) {
  const database = await testDatabase()
  const port = await freePort()
  const url = `http://localhost:${port}`
  const idp = spawn(process.execPath, [MAIN.pathname], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      DATABASE_URL: database.serviceUrl,
      DATABASE_OWNER_URL: database.ownerUrl,
      REKEY_ISSUER: url,
      REKEY_PORT: String(port),
      REKEY_ROOT_KEY: 'env:ROOT',
      ROOT: randomBytes(32).toString('hex'),
      REKEY_ANONYMOUS_PROPAGATION: '0s',
      REKEY_ADMIN_CLIENT_ID: admin.id,
      REKEY_ADMIN_CLIENT_SECRET: admin.secret,
      REKEY_ADMIN_USERNAME: user.username,
      REKEY_ADMIN_PASSWORD: user.password,
      LOG_LEVEL: 'warn',
      ...environment,
    },
    // What it has to complain of is seen among the tests.
    stdio: ['ignore', process.stderr, 'inherit', 'ipc'],
  })
  const ended = once(idp, 'exit')
  const early = ended.then(([code]) => Promise.reject(new Error(`the IdP ended before it was ready (${code})`)))
  try {
    await Promise.race([once(idp, 'message'), early])
  } catch (error) {
    await database.drop()
    throw error
  }
  early.catch(() => undefined)

  /** A token of the administrator. */
  async function management(): Promise<string> {
    const form = new URLSearchParams({ grant_type: 'client_credentials', scope: 'management' })
    const authorization = `Basic ${Buffer.from(`${admin.id}:${admin.secret}`).toString('base64')}`
    const issued = await fetch(`${url}/api/v1/token`, { method: 'POST', headers: { authorization }, body: form })
    return ((await issued.json()) as { access_token: string }).access_token
  }

  /** Asks an endpoint of administration. @throws Error for anything but 2xx */
  // biome-ignore lint/suspicious/noExplicitAny: replies are checked member by member in the tests
  async function manage(method: string, path: string, body?: object): Promise<any> {
    const reply = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${await management()}`, ...(body && { 'content-type': 'application/json' }) },
      body: body ? JSON.stringify(body) : null,
    })
    const text = await reply.text()
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`)
    return text && JSON.parse(text)
  }

  async function activeKid(keyring: string): Promise<string> {
    const { versions } = await manage('GET', `/api/v1/keyrings/${keyring}`)
    return versions.find(({ state }: { state: string }) => state === 'active').id
  }

  return {
    url,
    database,
    management,
    manage,
    activeKid,
    /** A token to register by. */
    async initialAccess(wanted: InitialAccess = {}): Promise<string> {
      const asked = { label: 'test', expires_in: 3600, max_usages: 1, ...wanted }
      return (await manage('POST', '/api/admin/dcr/initial-access-tokens', asked)).token
    },
    /** Resolves when another key signs. */
    async rotateSigningKey(keyring = 'signing-es256'): Promise<void> {
      const before = await activeKid(keyring)
      await manage('POST', `/api/v1/keyrings/${keyring}/rotate`, {})
      await eventually(
        () => activeKid(keyring),
        (kid) => kid !== before,
      )
    },
    async stop(): Promise<void> {
      idp.kill()
      await ended
      await database.drop()
    },
  }
}
