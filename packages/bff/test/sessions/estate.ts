/** Instances that log users in and keep their sessions, on one real database, in front of one small provider. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import formbody from '@fastify/formbody'
import {
  type Connection,
  connect,
  databaseKeyringStore,
  notifyThrough,
  openView,
  type RootKey,
  sealerFor,
} from '@rekey/database'
import { freePort, type TestDatabase } from '@rekey/database/testing'
import type { Keyring } from '@rekey/keyring'
import { leaseIn, newApp, RevocationJournal, roomIn } from '@rekey/service'
import { pino } from 'pino'
import type { Bff } from '../../src/bff.ts'
import type { SessionSettings } from '../../src/config/sessions.ts'
import { refusalOf, sendRefusal } from '../../src/http/errors.ts'
import { viewerOf } from '../../src/instance/viewer.ts'
import { keyringMemory } from '../../src/keyrings/memory.ts'
import { type OwnName, ownNames } from '../../src/keyrings/own.ts'
import { requireLink } from '../../src/links/require.ts'
import { linkRoutes } from '../../src/links/routes.ts'
import { authRoutes } from '../../src/login/routes.ts'
import { newMetrics } from '../../src/operations/metrics.ts'
import { sessionMemory } from '../../src/sessions/memory.ts'
import { openSessions } from '../../src/sessions/open.ts'
import { requireSession } from '../../src/sessions/require.ts'
import type { BffTables } from '../../src/tables.ts'
import { bffDatabase } from '../database.ts'
import { ensured } from '../keyrings/samples.ts'
import { browser, type TestBrowser } from '../provider/browser.ts'
import { type SmallProvider, startSmallProvider } from './provider.ts'

export { eventually } from '@rekey/database/testing'

const settings: SessionSettings = {
  lifetimeMs: 8 * 3_600_000,
  refreshAheadMs: 60_000,
  loginTtlMs: 600_000,
  binding: ['network', 'user-agent'],
  linkTtlMs: 900_000,
}

export interface Estate {
  readonly database: TestDatabase
  readonly idp: SmallProvider
  readonly publicUrl: string
  readonly control: Connection<BffTables>
  readonly root: RootKey
  /** Everybody's clock is ahead by that. */
  ahead: number
}

export type Replica = Awaited<ReturnType<typeof startReplica>>

export async function startEstate(t: TestContext) {
  const database = await bffDatabase()
  const publicUrl = `http://127.0.0.1:${await freePort()}`
  const idp = await startSmallProvider(() => `${publicUrl}/auth/callback`)
  const control = connect<BffTables>(database.serviceUrl)
  const root = { id: 'root', key: randomBytes(32) }
  const store = databaseKeyringStore(control.db)
  await ensured(store, sealerFor(root), ...ownNames)
  const estate: Estate = { database, idp, publicUrl, control, root, ahead: 0 }
  const open: Replica[] = []
  t.after(async () => {
    // First: a request that a failed test left waiting for it ends.
    await idp.close()
    for (const replica of open) await replica.close()
    await control.close()
    await database.drop()
  })

  return Object.assign(estate, {
    /** The first one stands where browsers are sent back to. */
    async replica(given: Partial<SessionSettings> = {}): Promise<Replica> {
      const replica = await startReplica(estate, { ...settings, ...given }, open.length === 0)
      open.push(replica)
      return replica
    },
    /** Changes a keyring; when this resolves every instance has applied it. */
    async change(name: OwnName, act: (keyring: Keyring) => Keyring): Promise<void> {
      const before = await store.load(name)
      const after = before && (await store.save(before, act(before), { action: 'test', actor: 'ops', details: {} }))
      if (!after) throw new Error('it was not saved')
      for (const { view } of open) await view.everywhere(after.revision)
    },
    sessions: () => control.db.selectFrom('sessions').selectAll().orderBy('created_at').execute(),
    events: async (action: string) =>
      (await control.db.selectFrom('audit_events').selectAll().where('action', '=', action).execute()).map(
        ({ actor, details }) => ({ actor, ...details }) as Record<string, unknown>,
      ),
  })
}

async function startReplica(estate: Estate, sessionSettings: SessionSettings, isFirst: boolean) {
  const { database, idp, publicUrl, root } = estate
  const connection = connect<BffTables>(database.serviceUrl)
  const sealer = sealerFor(root)
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) })
  const onError = (error: unknown) => log.error({ err: error }, 'view')
  const store = databaseKeyringStore(connection.db)
  const keyrings = keyringMemory(store, sealer, await RevocationJournal.open(), onError)
  const memory = sessionMemory(connection.db, sealer, roomIn(connection.pool))
  const nothing = async () => undefined
  const renewal = { before: nothing, opened: nothing }
  const viewer = viewerOf({ keyrings, sessions: memory }, renewal, () => undefined, log)
  let lagging: Promise<unknown> | undefined
  const ending = Promise.withResolvers<void>()
  const apply: typeof viewer.apply = async (changes) => {
    if (lagging) await Promise.race([lagging, ending.promise])
    await viewer.apply(changes)
  }
  const viewOptions = {
    id: randomUUID(),
    address: 'test',
    listenUrl: database.serviceUrl,
    notify: notifyThrough(connection.pool),
    onError,
  }
  const view = await openView(connection.db, { ...viewer, apply }, viewOptions)
  const clock = () => Date.now() + estate.ahead
  const config = { publicUrl, sessions: sessionSettings, cors: { origins: [] } }
  const provider = idp.port(clock)
  const metrics = newMetrics()
  const requireLease = leaseIn(view)
  const parts = {
    config,
    clock,
    log,
    connection,
    keyrings: keyrings.held,
    provider,
    metrics,
    requireLease,
    sealer,
    view,
  }
  const sessions = openSessions({ ...parts, memory })
  const bff = { ...parts, sessions } as unknown as Bff
  const app = newApp({ log, trustedProxies: ['127.0.0.1'], refusalOf, refused: () => undefined, send: sendRefusal })
  await app.register(formbody)
  authRoutes(app, bff)
  linkRoutes(app, bff, async () => undefined)
  app.get('/api/token', { onRequest: requireSession(bff) }, (request) => ({ token: request.session.accessToken }))
  for (const url of ['/invitations', '/invitations/*', '/other']) {
    app.get(url, { onRequest: requireLink(bff) }, ({ url, query, link: { sub, claims } }) => ({
      url,
      query,
      sub,
      claims,
    }))
  }
  const origin = await app.listen({ host: '127.0.0.1', port: isFirst ? Number(new URL(publicUrl).port) : 0 })
  let closed: Promise<void> | undefined
  async function close() {
    ending.resolve()
    await app.close()
    await sessions.close()
    await view.close()
    await connection.close()
  }
  return {
    bff,
    view,
    connection,
    sessions,
    lines,
    origin,
    app,
    /** It hears of changes no sooner than that. */
    lag: (until: Promise<unknown>): void => {
      lagging = until
    },
    counted: async (
      metric: 'sessionRefusals' | 'bindingFailures' | 'refreshSuccess' | 'refreshFailed',
      label?: string,
    ) => {
      const { values } = await metrics[metric].get()
      return values
        .filter(({ labels }) => label === undefined || Object.values(labels).includes(label))
        .reduce((sum, { value }) => sum + value, 0)
    },
    close: () => {
      closed ??= close()
      return closed
    },
  }
}

export const sessionCookieName = 'bff_session'

/** What `/auth/session` says. */
interface ShownSession {
  authenticated: boolean
  user: Record<string, unknown>
  csrf_token: string
  expires_at: string
  code: string
  detail: string
}

/** A browser that is logged in. */
export async function loggedIn(estate: { publicUrl: string }, options: { headers?: Record<string, string> } = {}) {
  const user = person(estate.publicUrl, options.headers)
  await user.logIn()
  return user
}

/** Somebody at a browser, who may be led to any instance. */
export function person(publicUrl: string, headers: Record<string, string> = {}) {
  const agent: TestBrowser = browser()
  const cookieHeader = () => [...agent.cookies(publicUrl)].map(([name, value]) => `${name}=${value}`).join('; ')

  /** Asks one instance, with the cookies of the public URL; what it sets is kept. */
  async function ask(origin: string, path: string, init: RequestInit & { headers?: Record<string, string> } = {}) {
    const response = await fetch(`${origin}${path}`, {
      redirect: 'manual',
      ...init,
      headers: { ...headers, cookie: cookieHeader(), ...init.headers },
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1)
      const at = pair.indexOf('=')
      agent.setCookie(publicUrl, pair.slice(0, at), pair.slice(at + 1))
    }
    return response
  }

  /** Follows a login from one instance to whichever takes the callback. */
  async function logIn(at = publicUrl, back = publicUrl, path = '/auth/login'): Promise<Response> {
    const toProvider = await ask(at, path)
    if (toProvider.status !== 302) return toProvider
    const fromProvider = await fetch(toProvider.headers.get('location') ?? '', { redirect: 'manual' })
    const { pathname, search } = new URL(fromProvider.headers.get('location') ?? '')
    return ask(back, `${pathname}${search}`)
  }

  return {
    ask,
    logIn,
    cookies: () => new Map([...agent.cookies(publicUrl)].filter(([, value]) => value !== '')),
    setCookie: (name: string, value: string) => agent.setCookie(publicUrl, name, value),
    session: async (origin = publicUrl) => {
      const response = await ask(origin, '/auth/session')
      return { status: response.status, body: (await response.json()) as ShownSession }
    },
    /** The access token that services would be sent, or the status of the refusal. */
    token: async (origin = publicUrl) => {
      const response = await ask(origin, '/api/token')
      return response.ok ? ((await response.json()) as { token: string }).token : response.status
    },
    async logOut(origin = publicUrl, body: Record<string, unknown> = {}) {
      const { body: known } = await this.session(origin)
      return ask(origin, '/auth/logout', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-csrf-token': String(known.csrf_token) },
        body: JSON.stringify(body),
      })
    },
  }
}
