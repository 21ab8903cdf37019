import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { freePort } from '@rekey/database/testing'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { answering, type Receiver, startReceiver } from './receiver.ts'

const main = new URL('../../src/main.ts', import.meta.url).pathname
const count = 60

describe('an instance that is killed while it delivers', { timeout: 120_000 }, () => {
  let estate: Estate
  let receiver: Receiver
  const environment = {
    REKEY_WEBHOOK_ALLOW_PRIVATE: 'localhost',
    REKEY_WEBHOOK_TIMEOUT: '200ms',
    REKEY_WEBHOOK_RETRY_BASE: '0s',
    REKEY_JOBS_TAKEOVER: '2s',
  }
  before(async () => {
    estate = await startEstate(environment)
    receiver = await startReceiver()
  })
  after(async () => {
    receiver.close()
    await estate.stop()
  })

  async function startProcess(): Promise<ChildProcess> {
    const port = await freePort()
    const child = spawn(process.execPath, [main], {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        DATABASE_URL: estate.database.serviceUrl,
        DATABASE_OWNER_URL: estate.database.ownerUrl,
        REKEY_ISSUER: `http://localhost:${port}`,
        REKEY_PORT: String(port),
        REKEY_ROOT_KEY: 'env:ROOT',
        ROOT: '07'.repeat(32),
        REKEY_ANONYMOUS_PROPAGATION: '0s',
        LOG_LEVEL: 'fatal',
        ...environment,
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    await once(child, 'message')
    return child
  }

  test('loses nothing: another one delivers what it had taken, and all of it under its id', async () => {
    const first: TestInstance = await estate.instance()
    const bearer = await first.management()
    const body = { name: 'ours', url: receiver.url, events: ['agent.updated'] }
    const { id } = (await first.manage('POST', '/api/v1/webhooks', body, bearer)).body
    await first.close()
    const victim = await startProcess()
    // It hangs on everything, so that it dies with much under way.
    receiver.answer(() => undefined)
    await insertEvents()
    await receiver.arrived(10)
    const ended = once(victim, 'exit')
    victim.kill('SIGKILL')
    await ended
    receiver.answer(answering(200))
    const second = await estate.instance()
    await eventually(
      () =>
        estate.db
          .selectFrom('webhook_deliveries')
          .select('status')
          .where('webhook_id', '=', id)
          .where('status', '=', 'delivered')
          .execute(),
      (rows) => rows.length === count,
    )
    const places = new Set(receiver.received.map(({ event }) => event.data.seq))
    assert.equal(places.size, count)
    const ids = new Map(receiver.received.map(({ event, headers }) => [event.data.seq, headers['webhook-id']]))
    for (const { event, headers } of receiver.received) assert.equal(headers['webhook-id'], ids.get(event.data.seq))
    await second.close()
  })

  async function insertEvents(): Promise<void> {
    const event = { action: 'agent.updated', outcome: 'success', actor: 'x', organization_id: 'default', details: '{}' }
    await estate.db
      .insertInto('audit_events')
      .values(Array.from({ length: count }, () => event))
      .execute()
  }
})
