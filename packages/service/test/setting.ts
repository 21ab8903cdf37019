/** A service that does nothing but what all of them do, on a database of its own. */
import { randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'
import {
  type Connection,
  connect,
  type DatabaseTables,
  databaseKeyringStore,
  notifyThrough,
  openView,
} from '@rekey/database'
import { type TestDatabase, testDatabase } from '@rekey/database/testing'
import { defaultPolicy, ensureKeyring, type Hands, type Loop, makeSharedSecret, startLoop } from '@rekey/keyring'
import { pino } from 'pino'
import { type App, liveInstances, newApp, refusalOf } from '../src/index.ts'

/** The keyring that the service has. */
export const keyring = 'sessions'

export interface Reply {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: replies are checked member by member in the tests
  body: any
}

/** A log whose lines can be read. */
export function logged() {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  return { lines, log: pino({ level: 'debug' }, stream) }
}

/** Listens, and asks by JSON. */
export async function asked(app: App) {
  const url = await app.listen({ host: 'localhost', port: 0 })
  async function call(path: string, init: RequestInit = {}): Promise<Reply> {
    const reply = await fetch(url + path, init)
    const text = await reply.text()
    const json = /json/.test(reply.headers.get('content-type') ?? '')
    return { status: reply.status, headers: reply.headers, body: json ? JSON.parse(text) : text }
  }
  return {
    call,
    get: (path: string, headers: Record<string, string> = {}) => call(path, { headers }),
    post: (path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
      call(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
  }
}

/** One instance: its view, its keyring and the loop that rotates it. Its routes are registered by the test. */
export async function openService() {
  const database = await testDatabase()
  const connection: Connection<DatabaseTables> = connect(database.serviceUrl)
  const { db, pool } = connection
  const { lines, log } = logged()
  const store = databaseKeyringStore(db)
  let loop: Loop | undefined
  const viewer = {
    reload: async () => undefined,
    apply: async () => undefined,
    confirmed: () => loop?.poke(),
    lost: () => undefined,
  }
  const view = await openView(db, viewer, {
    id: randomUUID(),
    address: 'http://service',
    listenUrl: database.serviceUrl,
    notify: notifyThrough(pool),
    onError: (error) => log.error({ err: error }, 'view'),
  })
  const observe = async () => ({ instances: await liveInstances(view), verifiers: [] })
  const hands: Hands = { store, make: (of) => makeSharedSecret(of), observe }
  await ensureKeyring(hands, { name: keyring, kind: 'shared-secret', algorithm: 'HS256', policy: defaultPolicy })
  loop = startLoop(hands, { everyMs: 200, enabled: () => view.held(), onError: (err) => log.error({ err }, 'loop') })
  loop.poke()
  const app = newApp({ log, trustedProxies: [], refusalOf, refused: () => undefined })
  return { database, db, app, store, hands, view, loop, lines, close: closing(app, loop, view, connection, database) }
}

export type Service = Awaited<ReturnType<typeof openService>>

type Closable = { close(): Promise<unknown> }

function closing(app: Closable, loop: Loop, view: Closable, connection: Closable, database: TestDatabase) {
  return async () => {
    await app.close()
    await loop.stop()
    await view.close()
    await connection.close()
    await database.drop()
  }
}
