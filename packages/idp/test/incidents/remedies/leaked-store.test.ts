import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { addRootKey } from '@rekey/database'
import { createVerifier, trustFeed } from '@rekey/verifier'
import { agent, eventually, type TestInstance, verifier } from '../../estate.ts'
import { oldKey, onlyNewest, rootKeys, startKeyedEstate } from '../../root-keys/setting.ts'
import { kidIn, openIncident, remediesOf, signing } from './estate.ts'

const keyrings = [signing, 'signing-rs256']

type Shown = { state: string; servedAt?: string }

describe('a store that leaked with its root key', { timeout: 180_000 }, () => {
  let setting: Awaited<ReturnType<typeof startKeyedEstate>>
  let one: TestInstance
  let two: TestInstance
  let bearer: string
  let kid: string
  let signer: string
  const both = addRootKey(oldKey)
  before(async () => {
    setting = await startKeyedEstate()
    one = await setting.start('one', oldKey)
    two = await setting.start('two', oldKey, { REKEY_ISSUER: one.url })
    bearer = await one.management()
    kid = await kidIn(one, bearer, 'active')
    signer = (await one.manage('GET', '/api/v1/audit/verify', undefined, bearer)).body.signer
    await openIncident(setting.estate, { incident: 'INC-1', kid, suspectStore: true })
  })
  after(() => setting.stop())

  const post = (what: string, body?: unknown) => remediesOf(one, bearer).post('INC-1', what, body)
  const versions = async (name: string) =>
    (await one.manage('GET', `/api/v1/keyrings/${name}`, undefined, bearer)).body.versions
  const kidsBefore = new Map<string, string[]>()

  test('is not mended by keys under the root key that leaked: it says what to do', async () => {
    for (const what of ['promote', 'revoke']) {
      const { status, body } = await post(what)
      assert.deepEqual([status, body.code], [409, 'ROOT_KEY_NOT_REPLACED'])
      assert.match(body.message, /rekey root-key add/)
    }
    assert.equal(await kidIn(one, bearer, 'active'), kid)
  })

  test('is not mended either while an instance lacks the new root key, which is named', async () => {
    await setting.write('one', both)
    await eventually(
      () => rootKeys(one, bearer),
      (found) => found.length === 2,
    )
    const { status, body } = await post('promote')
    assert.deepEqual([status, body.code], [409, 'ROOT_KEY_NOT_REPLACED'])
    assert.deepEqual(body.details.instances, [two.url])
    assert.equal(await kidIn(one, bearer, 'active'), kid)
  })

  test('has every signing key replaced by one under the new root key, and fresh tokens are taken all the time', async (t) => {
    for (const name of keyrings)
      kidsBefore.set(
        name,
        (await versions(name)).map(({ id }: { id: string }) => id),
      )
    await post('freeze')
    const probe = (await post('probes', { kind: 'compromised' })).body
    const api = createVerifier({
      issuer: one.url,
      audience: 'urn:rekey:api',
      algorithms: ['ES256', 'RS256'],
      trust: trustFeed({ issuer: one.url, ...verifier, onLeaseLost: 'fail-closed' }),
    })
    t.after(() => api.close())
    await api.start()
    let isOver = false
    let taken = 0
    const watching = (async () => {
      for (; !isOver; taken += 1) api.verify((await two.token(agent)).body.access_token)
    })()
    api.verify(probe.token)

    await setting.write('two', both)
    const { status, body } = await post('promote')
    assert.equal(status, 200, JSON.stringify(body))
    const [newest] = await rootKeys(one, bearer)
    assert.deepEqual(
      body.successors.map(({ keyring }: { keyring: string }) => keyring),
      keyrings,
    )
    assert.equal(body.windowMs, 0, 'the verifier had acknowledged before')
    for (const name of keyrings) {
      for (const [state, id] of await setting.seals(name)) {
        if (state === 'active' || state === 'prepared') assert.equal(id, newest?.id, `${name} ${state}`)
      }
    }

    const revoked = await post('revoke')
    assert.equal(revoked.status, 200, JSON.stringify(revoked.body))
    isOver = true
    await watching
    assert.ok(taken > 0)
    assert.throws(() => api.verify(probe.token))
    const killed = revoked.body.revoked.map((each: { kid: string }) => each.kid).toSorted()
    assert.deepEqual(killed, [...kidsBefore.values()].flat().toSorted())
    for (const name of keyrings) {
      for (const version of await versions(name)) {
        const isOld = kidsBefore.get(name)?.includes(version.id)
        assert.deepEqual(isOld, version.state === 'revoked')
        if (isOld) assert.deepEqual([version.reason, version.incident], ['compromised', 'INC-1'])
      }
    }
    assert.deepEqual((await post('probes', { kind: 'compromised' })).body, probe, 'sealed anew')
  })

  test('has the keys of encrypted columns replaced too, and revokes the old ones when no value hangs on them', async () => {
    type Shown = { state: string; reason?: string; incident?: string; preparedAt: string }
    const found: Shown[] = await eventually(
      () => versions('columns'),
      (all: Shown[]) => all.filter(({ state }) => state === 'revoked').length === 2,
    )
    const [revoked, kept] = [true, false].map((is) => found.filter(({ state }) => (state === 'revoked') === is))
    for (const { reason, incident } of revoked ?? []) assert.deepEqual([reason, incident], ['compromised', 'INC-1'])
    const newest = Math.max(...(revoked ?? []).map(({ preparedAt }) => Date.parse(preparedAt)))
    assert.ok(kept?.some(({ state }) => state === 'active'))
    assert.ok(kept?.every(({ preparedAt }) => Date.parse(preparedAt) > newest))
  })

  test('is found mended when it is asked again, and the old root key can go', async () => {
    // The loop prepares the next ones by itself.
    const before = await eventually(
      () => Promise.all(keyrings.map(versions)),
      (all) => all.every((each) => each.some(({ state, servedAt }: Shown) => state === 'prepared' && servedAt)),
    )
    assert.equal((await post('promote')).status, 200)
    assert.equal((await post('revoke')).status, 200)
    assert.deepEqual(await Promise.all(keyrings.map(versions)), before)
    // The audit hangs on it until the newer one has signed.
    await eventually(
      () => rootKeys(one, bearer),
      ([, old]) => old?.sealed === 0,
    )
    for (const name of ['one', 'two']) await setting.write(name, onlyNewest(await setting.read(name)))
    for (const idp of [one, two]) {
      await eventually(
        () => rootKeys(idp, bearer),
        (found) => found.length === 1,
      )
      assert.equal((await idp.token(agent)).status, 200)
    }
    const { body } = await one.manage('GET', '/api/v1/audit/verify', undefined, bearer)
    assert.deepEqual([body.verified, body.problems], [true, []], 'the audit is signed by another key from here on')
    await one.close()
    one = await setting.start('three', onlyNewest(both), { REKEY_ISSUER: one.url })
    assert.equal((await one.token(agent)).status, 200)
    const verdict = (await one.manage('GET', '/api/v1/audit/verify', undefined, bearer)).body
    assert.deepEqual([verdict.verified, verdict.signer === signer], [true, false])
  })
})
