import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sql } from 'kysely'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { columnsOf, encryptedByOthers, newKey, untilAllIsMoved, versionsStored } from './setting.ts'

const agentsTakenOver = 1_200

interface Row {
  id: string
  email: string
  owner: string
}

/** Agents of another program: their addresses by AES-256-CBC, their owners as they are. */
async function takeOver({ db }: Estate, key: string): Promise<Row[]> {
  const rows = Array.from({ length: agentsTakenOver }, (_, n) => ({
    id: `taken-${String(n).padStart(4, '0')}`,
    email: `agent-${n}@example.org`,
    owner: `Owner ${n}: ${'ü'.repeat(n % 40)}`,
  }))
  const emails = encryptedByOthers(
    key,
    rows.map(({ email }) => email),
  )
  const stored = rows.map(({ id, owner }, n) => ({
    agent_id: id,
    organization_id: 'default',
    name: id,
    email: emails[n] ?? null,
    owner,
  }))
  await db.insertInto('agents').values(stored).execute()
  return rows
}

const flags = { REKEY_ADMIT_LEGACY_COLUMNS: 'cbc,plain', REKEY_LEGACY_COLUMN_KEY: 'env:OLD_KEY' }

describe('values of an older form', { timeout: 120_000 }, () => {
  test('move to the new one under load with nothing lost, and are closed for good', async (t) => {
    const key = newKey()
    const estate = await startEstate({ OLD_KEY: key })
    t.after(() => estate.stop())
    const rows = await takeOver(estate, key)

    // Not without its being admitted by name.
    const refused = await estate.instance().catch((error) => error)
    assert.equal(refused.code, 'LEGACY_VALUES')
    assert.match(refused.message, /1200 cbc in agents.email.*1200 plain in agents.owner.*REKEY_ADMIT_LEGACY_COLUMNS=/)
    assert.deepEqual(await versionsStored(estate), { cbc: agentsTakenOver, plain: agentsTakenOver })

    const idp = await estate.instance(flags)
    const written = await underLoad(idp, rows, () => untilAllIsMoved(idp))
    const { sealing, forms } = await columnsOf(idp)
    assert.deepEqual(await versionsStored(estate), { [sealing]: 2 * agentsTakenOver })
    assert.deepEqual(
      forms.map(({ form, state }: { form: string; state: string }) => [form, state]),
      [
        ['cbc', 'open'],
        ['plain', 'open'],
      ],
    )
    await assertAllThere(idp, rows, written)

    assert.equal((await idp.manage('POST', '/api/v1/columns/close-legacy')).status, 200)
    await assertReadNoMore(estate, idp)
    await idp.close()
    await assert.rejects(estate.instance(flags), { code: 'LEGACY_CLOSED' })
    const plain = estate.db.updateTable('agents').set({ owner: 'in plain' }).where('agent_id', '=', 'taken-0001')
    await assert.rejects(plain.execute(), /the form "plain" is not admitted/)
    await assertAllThere(await estate.instance(), rows, written)
  })

  test('that no key opens are left as they are, told, and keep the form from being closed', async (t) => {
    const [key, other] = [newKey(), newKey()]
    const estate = await startEstate({ OLD_KEY: key, ...flags })
    t.after(() => estate.stop())
    const [mine, theirs] = [encryptedByOthers(key, ['mine']), encryptedByOthers(other, ['theirs'])]
    const row = (id: string, owner: string) => ({ agent_id: id, organization_id: 'default', owner })
    const rows = [row('mine', mine[0] ?? ''), row('theirs', theirs[0] ?? '')]
    await estate.db.insertInto('agents').values(rows).execute()
    const idp = await estate.instance()
    const seen = await eventually(
      () => columnsOf(idp),
      ({ refused, left }) => refused.length > 0 && left === 1,
    )
    assert.deepEqual(seen.refused, [
      { table: 'agents', column: 'owner', rowId: 'theirs', code: 'LEGACY_VALUE_UNREADABLE' },
    ])
    assert.ok(seen.worries.some(({ what }: { what: string }) => /1 encrypted value does not open/.test(what)))
    const closing = await idp.manage('POST', '/api/v1/columns/close-legacy')
    assert.deepEqual([closing.status, closing.body.code], [409, 'LEGACY_VALUES'])
    assert.equal((await idp.manage('GET', '/api/v1/agents/mine')).body.owner, 'mine')
    const listed = await idp.manage('GET', '/api/v1/agents')
    const theirsListed = listed.body.agents.find(({ agentId }: { agentId: string }) => agentId === 'theirs')
    assert.deepEqual([theirsListed.owner, theirsListed.unreadable], [undefined, ['owner']])
    assert.equal((await idp.manage('GET', '/api/v1/agents?owner=mine')).body.agents.length, 1)
    const stored = await estate.db.selectFrom('agents').select('owner').where('agent_id', '=', 'theirs').execute()
    assert.deepEqual(stored, [{ owner: theirs[0] }])

    // Whoever knows what it was says it anew; to say that there is none does as well.
    const { status, body } = await idp.manage('PATCH', '/api/v1/agents/theirs', { owner: null })
    assert.deepEqual([status, body.owner, body.unreadable], [200, undefined, undefined])
    const told = await eventually(
      async () => (await idp.manage('GET', '/audit?action=agent.updated')).body.events,
      (events) => events.length > 0,
    )
    assert.deepEqual(told[0].details, { before: { encrypted: ['owner'] }, after: { owner: null } })
    assert.equal((await idp.manage('POST', '/api/v1/columns/close-legacy')).status, 200)
    assert.doesNotMatch(idp.lines.join(''), new RegExp(`${key}|mine@`))
  })
})

/** An instance that was started with them admitted reads older forms no more, even where somebody put one past the database's trigger. */
async function assertReadNoMore({ db }: Estate, idp: TestInstance): Promise<void> {
  const set = (owner: string) => db.updateTable('agents').set({ owner }).where('agent_id', '=', 'taken-0002')
  const { owner } = await db
    .selectFrom('agents')
    .select('owner')
    .where('agent_id', '=', 'taken-0002')
    .executeTakeFirstOrThrow()
  await sql`ALTER TABLE agents DISABLE TRIGGER USER`.execute(db)
  await set('in plain').execute()
  const unreadable = async () => (await idp.manage('GET', '/api/v1/agents/taken-0002')).body.unreadable
  await eventually(unreadable, (members) => members?.includes('owner'))
  await set(owner ?? '').execute()
  await sql`ALTER TABLE agents ENABLE TRIGGER USER`.execute(db)
  const { worries } = await columnsOf(idp)
  const told = worries.filter(({ what }: { what: string }) => /still admits "(cbc|plain)", which was closed/.test(what))
  assert.equal(told.length, 2)
}

/** Reads and writes by HTTP all the while. @returns what was written last, by agent */
async function underLoad(idp: TestInstance, rows: readonly Row[], act: () => Promise<unknown>) {
  const bearer = await idp.management()
  const written = new Map<string, string>()
  let isOver = false
  async function write(step: number): Promise<void> {
    for (let n = step; !isOver; n = (n + 7) % rows.length) {
      const id = rows[n]?.id ?? ''
      const owner = `rewritten ${step} ${n} ${written.size}`
      const { status } = await idp.manage('PATCH', `/api/v1/agents/${id}`, { owner }, bearer)
      assert.equal(status, 200)
      written.set(id, owner)
    }
  }
  async function read(): Promise<void> {
    for (let n = 0; !isOver; n = (n + 11) % rows.length) {
      const { id, email } = rows[n] as Row
      const { status, body } = await idp.manage('GET', `/api/v1/agents/${id}`, undefined, bearer)
      assert.deepEqual([status, body.email], [200, email])
    }
  }
  const load = Promise.all([write(0), write(1), read()])
  await Promise.race([act(), load])
  isOver = true
  await load
  assert.ok(written.size > 0)
  return written
}

async function assertAllThere(idp: TestInstance, rows: readonly Row[], written: ReadonlyMap<string, string>) {
  const seen = new Map<string, Row>()
  let cursor: string | null = ''
  const bearer = await idp.management()
  while (cursor !== null) {
    const query: string = `limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`
    const { body } = await idp.manage('GET', `/api/v1/agents?${query}`, undefined, bearer)
    for (const { agentId, email, owner } of body.agents) seen.set(agentId, { id: agentId, email, owner })
    cursor = body.nextCursor
  }
  for (const row of rows) {
    assert.deepEqual(seen.get(row.id), { ...row, owner: written.get(row.id) ?? row.owner })
  }
}
