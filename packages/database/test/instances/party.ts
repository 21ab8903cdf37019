import { EventEmitter, on } from 'node:events'
import { after, afterEach, before } from 'node:test'
import { recordChange } from '../../src/changes/record.ts'
import type { ChangeRecord } from '../../src/changes/since.ts'
import { monotonicClock, systemAfter, systemClock } from '../../src/clock.ts'
import { type Connection, connect, notifyThrough } from '../../src/connection/connect.ts'
import type { Clocks } from '../../src/instances/lease.ts'
import { databaseLedger } from '../../src/instances/ledger.ts'
import { openView } from '../../src/instances/open.ts'
import { instanceRows } from '../../src/instances/row.ts'
import { liveAmong } from '../../src/instances/steadiness.ts'
import { InstanceView, type ViewOptions } from '../../src/instances/view.ts'
import type { Viewer } from '../../src/instances/viewer.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'

interface PartyOptions {
  clocks?: Clocks
  /** Instead of a connection that listens. */
  listen?: ViewOptions['listen']
  /** Part of reading; what it throws, the viewer throws. */
  onReload?: () => Promise<void>
  onApply?: (changes: ChangeRecord[]) => Promise<void>
  onError?: (error: unknown) => void
}

/** An instance in a test: its view, and everything that its viewer was told, in order. */
interface Party {
  view: InstanceView
  connection: Connection<DatabaseTables>
  story: Story
  /** Makes a change; returns its revision. */
  change(): Promise<number>
  close(): Promise<void>
}

async function openParty(database: TestDatabase, id: string, options: PartyOptions = {}): Promise<Party> {
  const connection = connect<DatabaseTables>(database.serviceUrl)
  const story = newStory()
  let view: InstanceView | undefined
  // A view that fell back must not be acted on: were it, no story would go as its test expects.
  const stillHeld = () => (view?.held() ? ', but still held' : '')
  const viewer: Viewer = {
    async reload() {
      story.tell(`reload${stillHeld()}`)
      await options.onReload?.()
    },
    async apply(changes) {
      story.tell(`apply ${changes.map(({ revision }) => revision).join(' ')}`)
      await options.onApply?.(changes)
    },
    confirmed: (revision) => story.tell(`confirmed ${revision}`),
    lost: (reason) => story.tell(`lost: ${reason}${stillHeld()}`),
  }
  try {
    const { listen, clocks = { wall: systemClock, monotonic: monotonicClock } } = options
    const onError = options.onError ?? ((error) => story.tell(`error: ${String(error)}`))
    const usual = { id, address: `http://${id}`, onError, clocks }
    view = listen
      ? await InstanceView.open(viewer, { ...usual, ledger: databaseLedger(connection.db), listen, after: systemAfter })
      : await openView(connection.db, viewer, {
          ...usual,
          listenUrl: database.serviceUrl,
          notify: notifyThrough(connection.pool),
        })
  } catch (error) {
    await connection.close()
    throw error
  }
  const opened = view
  return {
    view: opened,
    connection,
    story,
    change: () => makeChange(connection),
    async close() {
      await opened.close()
      await connection.close()
    },
  }
}

export function makeChange({ db }: Connection<DatabaseTables>): Promise<number> {
  return db.transaction().execute((transaction) => recordChange(transaction, 'test', 'thing'))
}

type Story = ReturnType<typeof newStory>

function newStory() {
  const events = new EventEmitter()
  const told: string[] = []
  return {
    told,
    tell(what: string) {
      told.push(what)
      events.emit('told')
    },
    /** Resolves when the viewer has been told these, in this order, after the first `from` of what it was told. */
    async follows(expected: (string | RegExp)[], from = 0): Promise<void> {
      if (inOrder(told.slice(from), expected)) return
      for await (const _ of on(events, 'told')) if (inOrder(told.slice(from), expected)) return
    },
  }
}

function inOrder(told: string[], expected: (string | RegExp)[]): boolean {
  let next = 0
  for (const what of told) {
    const wanted = expected[next]
    if (wanted !== undefined && (typeof wanted === 'string' ? what === wanted : wanted.test(what))) next += 1
  }
  return next === expected.length
}

/** A database for the tests of a file, and the instances that each of them opens: they are closed when it is over. */
export function databaseOfParties() {
  let database: TestDatabase
  let owner: Connection<DatabaseTables>
  let opened: Party[] = []
  before(async () => {
    database = await testDatabase()
    owner = connect(database.ownerUrl)
  })
  afterEach(async () => {
    await Promise.all(opened.map((party) => party.close()))
    opened = []
  })
  after(async () => {
    await owner.close()
    await database.drop()
  })
  async function live() {
    const { now, rows } = await instanceRows(owner.db)
    return liveAmong(rows, now, 0)
  }
  return {
    owner: () => owner,
    async open(id: string, options?: PartyOptions): Promise<Party> {
      const party = await openParty(database, id, options)
      opened.push(party)
      return party
    },
    live,
    liveIds: async () => (await live()).map(({ id }) => id),
    /** As if the instance had not been heard of for longer than a lease. */
    endLease: async (id: string) => {
      await owner.pool.query("UPDATE instances SET lease_until = now() - interval '1 ms' WHERE id = $1", [id])
    },
  }
}
