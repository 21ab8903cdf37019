import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import {
  type Change,
  changeKeyring,
  defaultPolicy,
  type Keyring,
  newKeyring,
  prepare,
  revoke,
  systemClock,
} from '@rekey/keyring'
import { type VaultKeyringStore, type VaultStoreOptions, vaultKeyringStore } from '../../src/keyrings/store.ts'
import { openVault, type Vault } from '../../src/vault/open.ts'
import { eventually } from '../eventually.ts'
import { type Instead, startVault, type VaultServer } from '../vault/server.ts'
import { operate, settingsFor } from '../vault/servers.ts'

const name = 'signing-es256'
const path = `rekey/keyrings/${name}`
const isWrite = (request: string) => request === `POST /v1/secret/data/${path}`
const sealed = (id: string) => `private half of ${id}`
const material = (id: string) => ({ id, publicPart: { kid: id }, sealedPrivate: sealed(id) })
const about = (action: string): Change => ({ action, actor: 'ops', details: {} })

describe('a keyring in Vault', { timeout: 60_000 }, () => {
  let server: VaultServer
  let store: VaultKeyringStore<typeof defaultPolicy>
  const vaults: Vault[] = []
  const errors: unknown[] = []
  beforeEach(async () => {
    server = await startVault()
    errors.length = 0
    store = open()
  })
  afterEach(async () => {
    for (const vault of vaults.splice(0)) vault.close()
    await server.close()
  })

  function open(token = server.token, options: VaultStoreOptions = {}) {
    const vault = openVault(settingsFor({ address: server.url, token }), { deadlineMs: 1_000 })
    vaults.push(vault)
    return vaultKeyringStore(vault, systemClock, { onError: (error) => errors.push(error), ...options })
  }

  const operator = (method: string, kind: string, body?: object, query = '') =>
    operate({ address: server.url, token: server.token }, method, `secret/${kind}/${path}${query}`, body)
  const adding = (id: string) => (keyring: Keyring, now: number) => prepare(keyring, material(id), now)

  async function created(): Promise<Keyring> {
    const keyring = prepare(newKeyring(name, 'signing-key', 'ES256', defaultPolicy), material('first'), systemClock())
    return (await store.save(undefined, keyring, about('keyring.created'))) ?? assert.fail()
  }
  async function save(previous: Keyring, next: Keyring, action = 'keyring.changed'): Promise<Keyring> {
    return (await store.save(previous, next, about(action))) ?? assert.fail()
  }
  /** What anybody may still read there of a version's private half. */
  const kept = (id: string) =>
    [...server.versions(path).values()].filter(({ data }) => JSON.stringify(data ?? '').includes(sealed(id))).length

  test('has the revision of its version there, and nothing of the versions before it is left', async () => {
    let keyring = await created()
    for (const id of ['second', 'third']) keyring = await save(keyring, prepare(keyring, material(id), 1))
    assert.equal(keyring.revision, 3)
    assert.deepEqual(
      [...server.versions(path)].map(([version, { destroyed }]) => [version, destroyed]),
      [
        [1, true],
        [2, true],
        [3, false],
      ],
    )
    const history = await store.history(name)
    assert.deepEqual(
      history.map(({ revision, change }) => [revision, change.action, change.actor]),
      [
        [3, 'keyring.changed', 'ops'],
        [2, 'keyring.changed', 'ops'],
        [1, 'keyring.created', 'ops'],
      ],
    )
  })

  test('holds no private half any more that was erased, in no version', async () => {
    const first = await created()
    const both = await save(first, prepare(first, material('second'), 1))
    assert.equal(kept('first'), 1)
    const after = await save(both, revoke(both, 'first', { reason: 'leaked' }, 2))
    assert.equal(after.versions[0]?.sealedPrivate, undefined)
    assert.deepEqual([kept('first'), kept('second')], [0, 1])
    assert.deepEqual(await store.load(name), after)
  })

  test('whose old versions could not be destroyed is saved nevertheless; that is told and made up for', async () => {
    const first = await created()
    server.instead((request) => (request.includes('/destroy/') ? { status: 403 } : undefined))
    await save(first, prepare(first, material('second'), 1))
    assert.deepEqual(errors.map(String), ['SecretsError: Vault refuses the token, or its policy does not allow this'])
    assert.equal(kept('first'), 2)
    server.instead(undefined)
    // Also by one who did not save it: whoever saved may have died before.
    const other = open()
    await other.due(0)
    assert.equal(kept('first'), 1)
    const before = server.requests.length
    await other.due(0)
    assert.equal(
      server.requests.slice(before).some((request) => request.includes('/destroy/')),
      false,
    )
  })

  test('is saved by one of two who race, and the other one tries again from what he finds', async () => {
    const keyring = await created()
    const other = open()
    const both = await Promise.all(
      [store, other].map((one, n) => one.save(keyring, prepare(keyring, material(`by-${n}`), 1), about(`by ${n}`))),
    )
    assert.equal(both.filter((saved) => saved !== undefined).length, 1)
    await Promise.all([store, other].map((one, n) => changeKeyring(one, name, adding(`again-${n}`), about('again'))))
    const ids = (await store.load(name))?.versions.map(({ id }) => id) ?? []
    assert.deepEqual(ids.filter((id) => id.startsWith('again')).sort(), ['again-0', 'again-1'])
  })

  test('was saved although the reply was lost, once; also when it came too late', async () => {
    const first = await created()
    server.loseReply(isWrite)
    const second = await save(first, prepare(first, material('second'), 1), 'keyring.prepared')
    assert.equal(second.revision, 2)
    let slowed = 0
    server.slow(5_000, (request) => isWrite(request) && ++slowed === 1)
    const third = await save(second, prepare(second, material('third'), 1))
    assert.equal(third.revision, 3)
    assert.deepEqual(await store.load(name), third)
    assert.equal(server.versions(path).size, 3)
  })

  test('was saved although the reply was lost and somebody has saved after it', async () => {
    const first = await created()
    const other = open()
    let once = 0
    const gate = Promise.withResolvers<void>()
    server.slow(1_500, (request) => {
      if (!isWrite(request) || ++once !== 1) return false
      gate.resolve()
      return true
    })
    const saving = store.save(first, prepare(first, material('second'), 1), about('slow'))
    await gate.promise
    await eventually(
      () => server.versions(path).size,
      (size) => size === 2,
    )
    const second = (await other.load(name)) ?? assert.fail()
    const third = await other.save(second, prepare(second, material('third'), 1), about('fast'))
    assert.equal(third?.revision, 3)
    assert.equal((await saving)?.revision, 2)
    assert.deepEqual(
      (await store.history(name)).map(({ change }) => change.action),
      ['fast', 'slow', 'keyring.created'],
    )
  })

  test('of another who wrote the same revision meanwhile is not taken for one that was saved here', async () => {
    const first = await created()
    const other = open()
    const theirs = await other.save(first, prepare(first, material('theirs'), 1), about('theirs'))
    assert.equal(await store.save(first, prepare(first, material('ours'), 1), about('ours')), undefined)
    assert.deepEqual(await store.load(name), theirs)
  })

  test('can be neither read nor saved while Vault is sealed or away, and is as it was after that', async () => {
    const keyring = await created()
    const acts = [
      () => store.load(name),
      () => store.list(),
      () => store.due(0),
      () => store.save(keyring, prepare(keyring, material('lost'), 1), about('lost')),
    ]
    server.sealed(true)
    for (const act of acts) await assert.rejects(act, { name: 'SecretsError', code: 'VAULT_UNAVAILABLE' })
    server.sealed(false)
    assert.deepEqual(await store.load(name), keyring)
    const away = open('hvs.x')
    await server.close()
    await assert.rejects(away.load(name), { code: 'VAULT_UNAVAILABLE', message: /ECONNREFUSED/ })
    server = await startVault()
  })

  test('is out of reach for a token that has run out, and within it for its successor', async () => {
    const keyring = await created()
    const { auth } = (
      await operate({ address: server.url, token: server.token }, 'POST', 'auth/token/create', { ttl: '60s' })
    ).body
    const late = open(auth.client_token)
    assert.deepEqual(await late.load(name), keyring)
    server.expire(auth.client_token)
    await assert.rejects(late.load(name), { code: 'VAULT_REFUSED' })
    await assert.rejects(late.save(keyring, keyring, about('lost')), { code: 'VAULT_REFUSED' })
    assert.deepEqual(await store.load(name), keyring)
  })

  test('as a standby that is behind shows it is old, and no save from there destroys what is newer', async () => {
    const first = await created()
    const old = (await operator('GET', 'data')).body
    const second = await save(first, prepare(first, material('second'), 1))
    const behind: Instead = { status: 200, body: JSON.stringify(old) }
    server.instead((request) => (request === `GET /v1/secret/data/${path}` ? behind : undefined))
    const seen = (await store.load(name)) ?? assert.fail()
    assert.deepEqual(seen, first)
    assert.equal(await store.save(seen, prepare(seen, material('lost'), 1), about('lost')), undefined)
    server.instead(undefined)
    assert.deepEqual(await store.load(name), second)
  })

  test('that a standby does not know yet is saved all the same by whoever does', async () => {
    const first = await created()
    let asked = 0
    const unknown: Instead = { status: 404, body: '{"errors":[]}' }
    server.instead((request) => (request.includes('?version=1') && ++asked === 1 ? unknown : undefined))
    const second = await save(first, prepare(first, material('second'), 1))
    assert.equal(second.revision, 2)
    assert.equal((await store.history(name)).length, 2)
  })

  const notOurs: [string, (first: Keyring, old: object) => Promise<unknown>][] = [
    ['an older version that was put back', (_, old) => operator('POST', 'data', { data: old })],
    ['what somebody else wrote there', () => operator('POST', 'data', { data: { document: 'hello' } })],
    ['other fields', () => operator('POST', 'data', { data: { encryptionKey: 'x' } })],
    ['a document without a history', () => operator('POST', 'data', { data: { document: '{"keyring":{}}' } })],
    ['nothing, since its newest version was deleted', () => operator('DELETE', 'data')],
    ['nothing, since its newest version was destroyed', () => operator('POST', 'destroy', { versions: [2] })],
  ]
  for (const [what, plant] of notOurs) {
    test(`that is ${what} is damaged, and nothing is made of it`, async () => {
      const first = await created()
      const old = (await operator('GET', 'data')).body.data.data
      await save(first, prepare(first, material('second'), 1))
      await plant(first, old)
      for (const act of [() => store.load(name), store.list, () => store.due(0), () => store.history(name)]) {
        await assert.rejects(act(), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'STORE_DAMAGED')
          assert.match(error.message, /keyring signing-es256: /)
          assert.doesNotMatch(`${error.message}${error.cause}`, /private half|hello/)
          return true
        })
      }
    })
  }

  test('that an older version was put in place of is mended by the document before, under the next number', async () => {
    const first = await created()
    const old = (await operator('GET', 'data')).body.data.data
    const second = await save(first, prepare(first, material('second'), 1))
    await operator('POST', 'data', { data: old })
    const mended = JSON.parse((await operator('GET', 'data', undefined, '?version=2')).body.data.data.document)
    mended.keyring.revision = 4
    await operator('POST', 'data', { data: { document: JSON.stringify(mended) } })
    assert.deepEqual(await store.load(name), { ...second, revision: 4 })
    await store.due(0)
    assert.equal([...server.versions(path).values()].filter(({ destroyed }) => !destroyed).length, 1)
  })

  test('that has a path for its name is none', async () => {
    const keyring = await created()
    for (const bad of ['../x', 'a/b', '..', '', 'A']) {
      assert.equal(await store.load(bad), undefined)
      await assert.rejects(store.save(undefined, { ...keyring, name: bad }, about('lost')), { code: 'INVALID_NAME' })
    }
    assert.deepEqual(server.paths(), [path])
  })
})
