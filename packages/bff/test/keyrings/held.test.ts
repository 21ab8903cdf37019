import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { activate, activeVersion, markDemoted, retire, revoke, standbyVersion } from '@rekey/keyring'
import { openedVersion } from '../../src/keyrings/held/version.ts'
import { heldInMemory } from './samples.ts'

const successor = (keyring: Parameters<typeof standbyVersion>[0]) => standbyVersion(keyring)?.id ?? ''
const former = 'a purpose'

describe('what was sealed', () => {
  it('opens for the purpose that it was sealed for, and tells by which version', async () => {
    const { held } = await heldInMemory('session', 'state')
    const keyring = held.sealing('session')
    for (const plain of ['', 'text', Buffer.from([0, 255, 1])]) {
      const opened = keyring.open(former, keyring.seal(former, plain))
      assert.ok(opened.ok)
      assert.deepEqual(opened.plain, Buffer.from(plain as string))
      assert.deepEqual([opened.version, opened.isActive], [keyring.activeId, true])
    }
  })

  it('does not open for another purpose, nor in another keyring', async () => {
    const { held } = await heldInMemory('session', 'state')
    const text = held.sealing('session').seal(former, 'plain')
    assert.deepEqual(held.sealing('session').open('another', text), { ok: false, cause: 'tampered' })
    assert.deepEqual(held.sealing('state').open(former, text), { ok: false, cause: 'unknown' })
    const [, ...rest] = text.split('.')
    const moved = [held.sealing('state').activeId, ...rest].join('.')
    assert.deepEqual(held.sealing('state').open(former, moved), { ok: false, cause: 'tampered' })
  })

  it('never has the same text twice, and may stand in a cookie and a URL', async () => {
    const { held } = await heldInMemory('session')
    const [one, two] = [1, 2].map(() => held.sealing('session').seal(former, 'plain'))
    assert.notEqual(one, two)
    assert.match(one ?? '', /^[\w.-]+$/)
  })

  it('does not open when any of its characters is another one', async () => {
    const { held } = await heldInMemory('session')
    const keyring = held.sealing('session')
    const text = keyring.seal(former, 'plain')
    for (let at = 0; at < text.length; at += 1) {
      for (const other of ['A', 'b', '.', '=', ' ']) {
        if (text[at] === other) continue
        const changed = text.slice(0, at) + other + text.slice(at + 1)
        assert.equal(keyring.open(former, changed).ok, false, changed)
      }
    }
  })

  it('does not open when it was cut, or something stands before or behind it', async () => {
    const { held } = await heldInMemory('session')
    const keyring = held.sealing('session')
    const text = keyring.seal(former, 'plain')
    for (let length = 0; length < text.length; length += 1)
      assert.equal(keyring.open(former, text.slice(0, length)).ok, false)
    for (const around of [`${text}=`, `${text}A`, ` ${text}`, `${text}\n`, `.${text}`, `${text}.`, `${text}.x`]) {
      assert.equal(keyring.open(former, around).ok, false, JSON.stringify(around))
    }
  })

  it('is malformed where we cannot have made it, however long it is', async () => {
    const { held } = await heldInMemory('session')
    const keyring = held.sealing('session')
    const iv = 'A'.repeat(16)
    const texts = ['', '.', '..', 'a.b.c', `s.${iv}.`, `s.${iv}.${'A'.repeat(21)}`, `s.${iv}.${'A'.repeat(1e6)}`]
    for (const text of [...texts, `S.${iv}.${'A'.repeat(22)}`, `s.${iv}.${'A'.repeat(21)}B`, 'x'.repeat(1e6)]) {
      assert.deepEqual(keyring.open(former, text), { ok: false, cause: 'malformed' }, text.slice(0, 60))
    }
    assert.deepEqual(keyring.open(former, `s.${iv}.${'A'.repeat(22)}`), { ok: false, cause: 'unknown' })
  })

  it('is refused where no browser could send it back', async () => {
    const { held } = await heldInMemory('session')
    const keyring = held.sealing('session')
    assert.ok(keyring.open(former, keyring.seal(former, 'x'.repeat(6_128))).ok)
    assert.throws(() => keyring.seal(former, 'x'.repeat(6_129)), RangeError)
  })

  it('opens through a rotation until its version has drained', async () => {
    const { held, change } = await heldInMemory('session')
    const first = held.sealing('session').activeId
    const text = held.sealing('session').seal(former, 'plain')
    await change('session', (keyring) => activate(keyring, successor(keyring), 1))
    const opened = held.sealing('session').open(former, text)
    assert.deepEqual(opened.ok && [opened.version, opened.isActive], [first, false])
    assert.notEqual(held.sealing('session').activeId, first)
    await change('session', (keyring) => retire(markDemoted(keyring, first, 2), first, 3))
    assert.deepEqual(held.sealing('session').open(former, text), { ok: false, cause: 'unknown' })
  })

  it('opens by a version in reserve, which another instance may use already', async () => {
    const { held, change } = await heldInMemory('session')
    const before = held.documents().get('session') ?? assert.fail()
    await change('session', (keyring) => activate(keyring, successor(keyring), 1))
    const text = held.sealing('session').seal(former, 'plain')
    // As the one that lags holds it.
    await change('session', () => before)
    const opened = held.sealing('session').open(former, text)
    assert.deepEqual(opened.ok && opened.isActive, false)
  })

  it('does not open once its version is revoked', async () => {
    const { held, change } = await heldInMemory('session')
    const first = held.sealing('session').activeId
    const text = held.sealing('session').seal(former, 'plain')
    await change('session', (keyring) => activate(keyring, successor(keyring), 1))
    await change('session', (keyring) => revoke(keyring, first, { reason: 'stolen' }, 2))
    assert.deepEqual(held.sealing('session').open(former, text), { ok: false, cause: 'unknown' })
    assert.equal(held.sealing('session').mac(former, 'data', first), undefined)
  })

  it('does not open either when the database forgot the revocation, which is told', async () => {
    const { held, memory, change } = await heldInMemory('session')
    const first = held.sealing('session').activeId
    const text = held.sealing('session').seal(former, 'plain')
    const before = held.documents().get('session') ?? assert.fail()
    const rotated = await change('session', (keyring) => activate(keyring, successor(keyring), 1))
    await change('session', (keyring) => revoke(keyring, first, { reason: 'stolen' }, 2))
    assert.deepEqual(memory.forgotten(), [])
    await change('session', () => rotated)
    assert.deepEqual(held.sealing('session').open(former, text), { ok: false, cause: 'unknown' })
    const known = { keyring: 'session', id: first, reason: 'stolen', revokedAt: 2 }
    assert.deepEqual(memory.forgotten(), [{ ...known, wasActive: false }])
    // Nothing is sealed by it until another one is active.
    await change('session', () => before)
    assert.throws(() => held.sealing('session'), { code: 'NO_LEASE' })
    assert.deepEqual(memory.forgotten(), [{ ...known, wasActive: true }])
  })
})

describe('a secret that was given to two keyrings', () => {
  it('makes nothing in the one that is good in the other, nor for one use what is good for another', () => {
    const [csrf, state] = ['csrf', 'state'].map((name) => openedVersion(name, 'given-1', Buffer.from('one secret')))
    const keys = [
      csrf?.key('seal', former),
      csrf?.key('mac', former),
      csrf?.key('mac', 'another'),
      state?.key('seal', former),
    ]
    assert.equal(new Set(keys.map((key) => key?.export().toString('hex'))).size, keys.length)
    assert.deepEqual(csrf?.key('seal', former).export(), keys[0]?.export())
  })

  it('is derived anew where a purpose is made up for each use, and is the same then', () => {
    const version = openedVersion('csrf', 'given-1', Buffer.from('one secret'))
    const before = version.key('mac', former).export()
    for (let n = 0; n < 200; n += 1) version.key('mac', `made up ${n}`)
    assert.deepEqual(version.key('mac', former).export(), before)
  })
})

describe('a MAC', () => {
  it('is the same again, by the version that is named, and another one for other data, purposes and keyrings', async () => {
    const { held, change } = await heldInMemory('csrf', 'session')
    const first = held.sealing('csrf').activeId
    const mac = held.sealing('csrf').mac(former, 'data')
    await change('csrf', (keyring) => activate(keyring, successor(keyring), 1))
    assert.deepEqual(held.sealing('csrf').mac(former, 'data', first), mac)
    assert.equal(mac?.length, 32)
    const { csrf, session } = { csrf: held.sealing('csrf'), session: held.sealing('session') }
    for (const other of [
      csrf.mac(former, 'data'),
      csrf.mac(former, 'other', first),
      csrf.mac('another', 'data', first),
      session.mac(former, 'data'),
    ]) {
      assert.notDeepEqual(other, mac)
    }
  })

  it('is none by a version that nobody knows', async () => {
    const { held } = await heldInMemory('csrf')
    assert.equal(held.sealing('csrf').mac(former, 'data', 'csrf-000000000000'), undefined)
  })
})

describe('a salt', () => {
  it('hashes the same text alike by the same version only', async () => {
    const { held, change } = await heldInMemory('token-hash', 'ua-hash')
    const { active, accepted } = held.salt('token-hash')
    assert.deepEqual(active.hash('token'), active.hash('token'))
    assert.notDeepEqual(active.hash('token'), active.hash('other'))
    assert.notDeepEqual(active.hash('token'), held.salt('ua-hash').active.hash('token'))
    assert.equal(accepted.length, 2)
    await change('token-hash', (keyring) => activate(keyring, successor(keyring), 1))
    const after = held.salt('token-hash')
    assert.notEqual(after.active.id, active.id)
    assert.equal(after.accepted[0], after.active)
    assert.deepEqual(after.accepted.find(({ id }) => id === active.id)?.hash('token'), active.hash('token'))
  })
})

describe('keyrings in memory', () => {
  it('are not used between the loss of the view and the moment when they are read anew', async () => {
    const { held, memory } = await heldInMemory('session', 'token-hash')
    const text = held.sealing('session').seal(former, 'plain')
    memory.drop()
    assert.throws(() => held.sealing('session'), { code: 'NO_LEASE' })
    assert.throws(() => held.salt('token-hash'), { code: 'NO_LEASE' })
    await memory.reload()
    assert.ok(held.sealing('session').open(former, text).ok)
  })

  it('stay as they are when something else changed', async () => {
    const { held, memory, store } = await heldInMemory('session')
    const before = (await store.load('session')) ?? assert.fail()
    await store.save(before, activate(before, successor(before), 1), { action: 'test', actor: 'ops', details: {} })
    await memory.apply([{ revision: 9, topic: 'something-else', key: 'session' }])
    assert.equal(held.sealing('session').activeId, activeVersion(before)?.id)
  })

  it('are not taken from a document that was sealed for another place', async () => {
    const { memory, store } = await heldInMemory('session', 'state')
    const [session, state] = [await store.load('session'), await store.load('state')]
    if (!session || !state) assert.fail()
    await store.save(state, { ...state, versions: session.versions }, { action: 'test', actor: 'ops', details: {} })
    await assert.rejects(memory.reload(), { code: 'SEAL_DAMAGED' })
  })
})
