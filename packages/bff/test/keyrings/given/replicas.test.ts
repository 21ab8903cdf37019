import assert from 'node:assert/strict'
import { afterEach, before, beforeEach, describe, it } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { activeVersion, changeKeyring, isAccepted, type Keyring, requestRevocation } from '@rekey/keyring'
import { ensureGiven } from '../../../src/keyrings/given/ensure.ts'
import { givenId } from '../../../src/keyrings/given/id.ts'
import { givenLists } from '../../../src/keyrings/given/lists.ts'
import { policyOf } from '../../../src/keyrings/policy.ts'
import { type Replicas, startReplicas } from '../replica.ts'
import { newSealer, terms } from '../samples.ts'

const [oldest, old, fresh] = ['the oldest csrf secret', 'the old csrf secret', 'the new csrf secret'] as const
const purpose = 'test'
let ids: Record<'oldest' | 'old' | 'fresh', string>
before(async () => {
  const [a, b, c] = await Promise.all([oldest, old, fresh].map((secret) => givenId('csrf', secret)))
  ids = { oldest: a ?? '', old: b ?? '', fresh: c ?? '' }
})

const stateOf = ({ versions }: Keyring, id: string) => versions.find((version) => version.id === id)?.state
const isAcceptedIn = ({ versions }: Keyring, id: string) =>
  versions.some((version) => version.id === id && isAccepted(version))

describe('the version of a given secret', () => {
  it('has the same name on every replica and another one in each keyring, and its name costs a slow hash', async () => {
    assert.equal(await givenId('csrf', fresh), ids.fresh)
    assert.match(ids.fresh, /^given-[0-9a-f]{16}$/)
    assert.notEqual(await givenId('state', fresh), ids.fresh)
    assert.equal(new Set(Object.values(ids)).size, 3)
  })
})

describe('replicas that are given secrets', { timeout: 120_000 }, () => {
  let estate: Replicas
  beforeEach(async () => {
    estate = await startReplicas()
  })
  afterEach(() => estate.stop())
  const csrf = () => estate.document('csrf')
  const untilActive = (id: string) =>
    eventually(csrf, (keyring) => activeVersion(keyring)?.id === id && !keyring.rotation)
  const rotations = async () => {
    const rows = await estate.control.db.selectFrom('audit_events').select(['action', 'details']).execute()
    return rows.filter(({ action, details }) => action === 'keyring.activated' && details.keyring === 'csrf').length
  }

  it('use the newest and open what the older one sealed', async () => {
    const one = await estate.replica({ CSRF_SECRET_KEY: old })
    const text = one.held.sealing('csrf').seal(purpose, 'plain')
    await one.close()
    const two = await estate.replica({ CSRF_SECRET_KEY: `${fresh},${old}` })
    await eventually(
      () => two.held.sealing('csrf').activeId,
      (id) => id === ids.fresh,
    )
    const opened = two.held.sealing('csrf').open(purpose, text)
    assert.deepEqual(opened.ok && [opened.plain.toString(), opened.version, opened.isActive], ['plain', ids.old, false])
    const given = (await csrf()).versions.filter(({ isGiven }) => isGiven)
    assert.deepEqual(given.map(({ id }) => id).sort(), [ids.fresh, ids.old].sort())
  })

  it('that start at once on an empty store, with different lists, end with one keyring', async () => {
    const lists = [old, `${fresh},${old}`, `${fresh},${old},${oldest}`, old, `${fresh},${old}`]
    const replicas = await Promise.all(lists.map((list) => estate.replica({ CSRF_SECRET_KEY: list })))
    const keyring = await untilActive(ids.fresh)
    for (const id of Object.values(ids)) assert.equal(keyring.versions.filter((version) => version.id === id).length, 1)
    assert.ok(isAcceptedIn(keyring, ids.old))
    for (const replica of replicas) {
      await eventually(
        () => replica.held.sealing('csrf').activeId,
        (id) => id === ids.fresh,
      )
    }
    const text = replicas[0]?.held.sealing('csrf').seal(purpose, 'plain') ?? ''
    assert.ok(replicas.every(({ held }) => held.sealing('csrf').open(purpose, text).ok))
  })

  it('that take the same in at once, many times over, save it once', async () => {
    await estate.replica({ CSRF_SECRET_KEY: old })
    const sealer = newSealer()
    const source = {
      name: 'CSRF_SECRET_KEY',
      isFile: false,
      current: () => `${fresh},${old}`,
      watch: () => async () => {},
    }
    const list = await givenLists({ csrf: source }, sealer, () => false, assert.fail).of('csrf')
    if (!list) return assert.fail()
    const hands = { store: estate.store, make: () => assert.fail('nothing is made') }
    const wanted = { name: 'csrf', policy: policyOf('csrf', terms, true), ...list } as const
    const saved = await Promise.all(Array.from({ length: 20 }, () => ensureGiven(hands, wanted)))
    for (const { versions } of saved) assert.equal(versions.filter(({ id }) => id === ids.fresh).length, 1)
    const rows = await estate.control.db
      .selectFrom('audit_events')
      .select('details')
      .where('action', '=', 'keyring.given')
      .execute()
    assert.deepEqual(
      rows.map(({ details }) => [details.keyring, details.versions, details.rotation]),
      [['csrf', [ids.fresh], true]],
    )
  })

  it('roll one by one with nothing voided and nothing rotated back', async () => {
    const [one, two] = [await estate.replica({ CSRF_SECRET_KEY: old }), await estate.replica({ CSRF_SECRET_KEY: old })]
    const before = one.held.sealing('csrf').seal(purpose, 'plain')
    await one.close()
    const next = await estate.replica({ CSRF_SECRET_KEY: `${fresh},${old}` })
    await untilActive(ids.fresh)
    // The one that was given the older list alone produces by the new secret, and so do those that start with it now.
    await eventually(
      () => two.held.sealing('csrf').activeId,
      (id) => id === ids.fresh,
    )
    const late = await estate.replica({ CSRF_SECRET_KEY: old })
    await eventually(
      () => late.lines.join(),
      (lines) => lines.includes('CSRF_SECRET_KEY is out of date'),
    )
    const made = late.held.sealing('csrf').seal(purpose, 'plain')
    for (const { held } of [two, next, late]) {
      assert.equal(held.sealing('csrf').activeId, ids.fresh)
      for (const text of [before, made]) assert.ok(held.sealing('csrf').open(purpose, text).ok)
    }
    assert.equal(await rotations(), 1)
    assert.equal(late.lines.filter((line) => line.includes('out of date')).length, 1)
    for (const line of late.lines) assert.ok(!line.includes(old))
  })

  it('pick a changed file up without a restart, and hold on to what they have while it is missing, empty or wrong', async () => {
    const path = await estate.file('csrf', `${old}\n`)
    const replicas = await Promise.all([1, 2].map(() => estate.replica({ CSRF_SECRET_KEY_FILE: path })))
    const [one] = replicas
    if (!one) return assert.fail()
    const warned = (text: string) =>
      eventually(
        () => one.lines.filter((line) => line.includes(text)).length,
        (count) => count > 0,
      )
    const text = one.held.sealing('csrf').seal(purpose, 'plain')
    await estate.remove(path)
    await warned('missing')
    await estate.file('csrf', ' \n')
    await estate.file('csrf', 'too short\n')
    await warned('at least 16 characters')
    assert.equal(one.held.sealing('csrf').activeId, ids.old)
    await estate.file('csrf', `${fresh}\n${old}\n`)
    for (const { held } of replicas)
      await eventually(
        () => held.sealing('csrf').activeId,
        (id) => id === ids.fresh,
      )
    for (const { held } of replicas) assert.ok(held.sealing('csrf').open(purpose, text).ok)
    assert.equal(await rotations(), 1)
    for (const line of one.lines) assert.ok(!line.includes(old) && !line.includes('too short'))
  })

  it('go over from what the store made, and back to it, with nothing voided', async () => {
    const one = await estate.replica({})
    const text = one.held.sealing('csrf').seal(purpose, 'plain')
    const own = one.held.sealing('csrf').activeId
    assert.ok(!one.own.isGiven('csrf'))
    await one.close()
    const two = await estate.replica({ CSRF_SECRET_KEY: fresh })
    await untilActive(ids.fresh)
    assert.ok(two.own.isGiven('csrf') && !two.own.isGiven('session') && !two.own.isGiven('toString'))
    assert.ok(isAcceptedIn(await csrf(), own))
    await two.close()
    const three = await estate.replica({ CSRF_SECRET_KEY: 'keyring:' })
    assert.equal(three.held.sealing('csrf').activeId, ids.fresh)
    assert.ok(three.held.sealing('csrf').open(purpose, text).ok)
    assert.equal((await csrf()).policy.rotateEveryMs, terms.rotateEveryMs)
  })

  it('replace a revoked secret by one that the store makes, say that theirs is out of date, and take the next one', async () => {
    const path = await estate.file('csrf', old)
    const one = await estate.replica({ CSRF_SECRET_KEY_FILE: path })
    const text = one.held.sealing('csrf').seal(purpose, 'plain')
    const about = { action: 'keyring.revocation_requested', actor: 'ops', details: {} }
    const cause = { by: 'ops', reason: 'stolen' }
    await changeKeyring(estate.store, 'csrf', (keyring, now) => requestRevocation(keyring, ids.old, cause, now), about)
    const revoked = await eventually(csrf, (keyring) => stateOf(keyring, ids.old) === 'revoked')
    assert.ok(!activeVersion(revoked)?.id.startsWith('given-'))
    await eventually(
      () => one.lines.join(),
      (lines) => lines.includes('out of date') && lines.includes('revoked'),
    )
    assert.deepEqual(one.held.sealing('csrf').open(purpose, text), { ok: false, cause: 'unknown' })
    await estate.file('csrf', `${fresh},${old}`)
    const keyring = await untilActive(ids.fresh)
    assert.equal(stateOf(keyring, ids.old), 'revoked')
  })

  it('keep nothing that was given where it can be read', async () => {
    await estate.replica({ CSRF_SECRET_KEY: `${fresh},${old}`, TOKEN_HASH_SALT: oldest })
    const { rows } = await estate.control.pool.query('SELECT document::text AS text FROM keyrings')
    assert.equal(rows.length, 5)
    for (const secret of [fresh, old, oldest]) {
      for (const form of [secret, Buffer.from(secret).toString('base64url'), Buffer.from(secret).toString('hex')]) {
        assert.ok(rows.every(({ text }) => !text.includes(form)))
      }
    }
  })
})
