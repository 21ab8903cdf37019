/** Whole instances of the BFF as it is started, over real PostgreSQL, in front of a real identity provider. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { freePort, testDatabase } from '@rekey/database/testing'
import { pino } from 'pino'
import { readConfig } from '../src/config.ts'
import { type RunningBff, startBff } from '../src/start.ts'
import { startProvider } from './provider.ts'

export { eventually } from '@rekey/database/testing'
export { browser } from './provider.ts'

/** A client of the provider that authenticates by a secret. */
const client = { clientId: 'bff', secret: 'a-secret-of-the-client-of-some-length' }

/** May do everything below /internal. */
export const adminToken = 'an-admin-token-of-some-length'

export interface BffWish {
  /** What differs from the defaults, of every instance. */
  readonly env?: NodeJS.ProcessEnv
  /** Files of BFF_CONFIG_DIR, by their names. */
  readonly files?: Readonly<Record<string, string>>
  /** Of the provider. */
  readonly provider?: Parameters<typeof startProvider>[0]
}

export interface TestBff extends RunningBff {
  readonly url: string
}

/**
 * A database, a provider, and as many instances as are asked for. All of them answer for one public URL, which is that of the first:
 * `at` leads a browser's requests to another one.
 */
export async function bffEstate(t: TestContext, wish: BffWish = {}) {
  const database = await testDatabase()
  const provider = await startProvider(wish.provider)
  const folder = await mkdtemp(join(tmpdir(), 'rekey-bff-'))
  const running: TestBff[] = []
  t.after(async () => {
    await Promise.all(running.map((one) => one.close()))
    await provider.close()
    await database.drop()
    await rm(folder, { recursive: true, force: true })
  })
  for (const [name, text] of Object.entries(wish.files ?? {})) await writeFile(join(folder, name), text)
  const publicPort = await freePort()
  const publicUrl = `http://localhost:${publicPort}`
  await provider.addClient({
    ...client,
    redirectUris: [`${publicUrl}/auth/callback`],
    postLogoutRedirectUris: [`${publicUrl}/`],
  })
  const env: NodeJS.ProcessEnv = {
    REKEY_BFF_URL: publicUrl,
    DATABASE_URL: database.serviceUrl,
    DATABASE_OWNER_URL: database.ownerUrl,
    REKEY_ROOT_KEY: 'env:ROOT',
    ROOT: randomBytes(32).toString('hex'),
    IDP_BASE_URL: provider.issuer,
    AUTH_CLIENT_ID: client.clientId,
    AUTH_CLIENT_SECRET: client.secret,
    AUTH_SCOPES: 'openid profile offline_access',
    TOKEN_HASH_SALT: 'keyring:',
    REKEY_BFF_ADMIN_TOKEN: adminToken,
    BFF_CONFIG_DIR: folder,
    ...wish.env,
  }

  /** @param own what differs for this instance alone */
  async function start(own: NodeJS.ProcessEnv = {}): Promise<TestBff> {
    const port = running.length === 0 ? publicPort : await freePort()
    const all = { ...env, REKEY_PORT: String(port), ...own }
    const started = await startBff(readConfig(all), all, pino({ level: process.env.REKEY_TEST_LOG ?? 'silent' }))
    const instance = { ...started, url: `http://localhost:${port}` }
    running.push(instance)
    return instance
  }

  return { database, provider, folder, publicUrl, env, start }
}

export type BffEstate = Awaited<ReturnType<typeof bffEstate>>

/** Asks below /internal as an operator. @throws Error for anything but 2xx */
// biome-ignore lint/suspicious/noExplicitAny: replies are checked member by member in the tests
export async function operate({ url }: TestBff, method: string, path: string, body?: object): Promise<any> {
  const reply = await fetch(`${url}/internal${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, ...(body && { 'content-type': 'application/json' }) },
    body: body ? JSON.stringify(body) : null,
  })
  const text = await reply.text()
  if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`)
  return JSON.parse(text)
}
