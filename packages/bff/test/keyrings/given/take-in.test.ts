import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  activate,
  activeVersion,
  discard,
  isAccepted,
  type Keyring,
  markDemoted,
  memoryStore,
  newKeyring,
  prepare,
  requestRevocation,
  requestRotation,
  retire,
  revoke,
  rollBack,
  standbyVersion,
} from '@rekey/keyring'
import fc from 'fast-check'
import { ensureGiven } from '../../../src/keyrings/given/ensure.ts'
import { firstOf, hasPassed, type Incoming, type IncomingList, takeIn } from '../../../src/keyrings/given/take-in.ts'
import { policyOf } from '../../../src/keyrings/policy.ts'
import { terms } from '../samples.ts'

const material = (id: string) => ({ id, publicPart: {}, sealedPrivate: `sealed ${id}` })
const incoming = (id: string): Incoming => ({
  id: `given-${id}`,
  isRevoked: () => id.startsWith('stolen before'),
  material: () => ({ ...material(`given-${id}`), isGiven: true }),
})
const list = (head: string, ...older: string[]): IncomingList => [incoming(head), ...older.map(incoming)]
const take = (keyring: Keyring, head: string, ...older: string[]) => takeIn(keyring, list(head, ...older), 'CSRF', 5)
const states = ({ versions }: Keyring) => Object.fromEntries(versions.map(({ id, state }) => [id, state]))
const empty = () => newKeyring('csrf', 'sealing-key', 'A256GCM', policyOf('csrf', terms, true))

/** Made by the store: `own-1` is in use, `own-2` in reserve. */
const own = () => prepare(activate(prepare(empty(), material('own-1'), 1), 'own-1', 1), material('own-2'), 1)
/** Given from the start: that version is in use, `own-2` in reserve. */
const given = (head: string, ...older: string[]) =>
  prepare(firstOf(empty(), list(head, ...older), 1), material('own-2'), 1)

/** What the loop does when every instance is up to date. */
function settled(keyring: Keyring): Keyring {
  const next = standbyVersion(keyring)
  const active = activeVersion(keyring)
  const isWanted = keyring.rotation ?? active?.revocation
  if (!isWanted || !next) return next ? keyring : prepare(keyring, material(`own-${keyring.versions.length + 1}`), 9)
  const rotated = activate(keyring, next.id, 9)
  const replaced = active?.revocation ? revoke(rotated, active.id, { reason: 'stolen' }, 9) : rotated
  return settled(replaced)
}

describe('a keyring that is made of given secrets', () => {
  it('uses the newest at once and accepts the older ones', () => {
    assert.deepEqual(states(given('new', 'old', 'oldest')), {
      'given-oldest': 'retiring',
      'given-old': 'retiring',
      'given-new': 'active',
      'own-2': 'prepared',
    })
  })

  it('does not rotate by age', () => {
    assert.ok(policyOf('csrf', terms, true).rotateEveryMs > 100 * 365 * 86_400_000)
    assert.equal(policyOf('csrf', terms, false).rotateEveryMs, terms.rotateEveryMs)
  })
})

describe('a secret that is given', () => {
  it('takes the place of what the store had in reserve, and is asked for', () => {
    const taken = take(own(), 'new')
    assert.deepEqual(states(taken), { 'own-1': 'active', 'own-2': 'retired', 'given-new': 'prepared' })
    assert.deepEqual([taken.rotation?.by, taken.rotation?.forced], ['CSRF', false])
    assert.deepEqual(states(settled(taken)), {
      'own-1': 'retiring',
      'own-2': 'retired',
      'given-new': 'active',
      'own-4': 'prepared',
    })
  })

  it('changes nothing when it is looked at again', () => {
    const once = take(own(), 'new', 'old')
    assert.equal(take(once, 'new', 'old'), once)
    const done = settled(once)
    assert.equal(take(done, 'new', 'old'), done)
  })

  it('takes the place of one in reserve that an operator had asked to take over', () => {
    const asked = requestRotation(own(), { by: 'ops', forced: false }, 2)
    const taken = take(asked, 'new')
    assert.equal(standbyVersion(taken)?.id, 'given-new')
    assert.equal(taken.rotation?.by, 'CSRF')
  })

  it('is what a rotation takes that was asked for while nothing was in reserve', () => {
    const bare = discard(own(), 'own-2', 2)
    const taken = take(requestRotation(bare, { by: 'ops', forced: false }, 2), 'new')
    assert.deepEqual([standbyVersion(taken)?.id, taken.rotation?.by], ['given-new', 'ops'])
  })

  it('comes after another one that is about to take over', () => {
    const one = take(own(), 'one')
    const two = take(one, 'two')
    assert.equal(standbyVersion(two)?.id, 'given-one')
    assert.equal(take(two, 'two'), two)
    const after = settled(two)
    assert.equal(activeVersion(after)?.id, 'given-one')
    assert.equal(activeVersion(settled(take(after, 'two')))?.id, 'given-two')
  })

  it('that is an older one is accepted and never used', () => {
    const taken = take(given('new'), 'new', 'old')
    assert.deepEqual(states(taken), { 'given-old': 'retiring', 'given-new': 'active', 'own-2': 'prepared' })
    assert.equal(taken.rotation, undefined)
  })

  it('stays accepted when it leaves the list', () => {
    const keyring = settled(take(given('old'), 'new', 'old'))
    assert.equal(take(keyring, 'new'), keyring)
    assert.equal(states(keyring)['given-old'], 'retiring')
  })

  it('that was replaced is not brought back by an older list, whatever became of it', () => {
    const replaced = settled(take(given('old'), 'new', 'old'))
    const gone = retire(markDemoted(replaced, 'given-old', 9), 'given-old', 9)
    const stolen = revoke(replaced, 'given-old', { reason: 'stolen' }, 9)
    for (const keyring of [replaced, gone, stolen]) {
      assert.equal(take(keyring, 'old'), keyring)
      assert.ok(hasPassed(keyring, list('old')))
      assert.ok(!hasPassed(keyring, list('new', 'old')))
    }
  })

  it('that was replaced long ago is not brought back by the oldest of all lists', () => {
    let keyring = given('0')
    for (let n = 1; n <= 40; n += 1) {
      keyring = settled(take(keyring, String(n)))
      keyring = retire(markDemoted(keyring, `given-${n - 1}`, 9), `given-${n - 1}`, 9)
    }
    for (const old of [list('0'), list('40', '1', '0'), list('1', '0')]) {
      assert.equal(takeIn(keyring, old, 'CSRF', 9), keyring)
    }
  })

  it('that was rolled back from stays so', () => {
    const back = rollBack(settled(take(given('old'), 'new', 'old')), 9)
    assert.equal(take(back, 'new', 'old'), back)
    assert.ok(hasPassed(back, list('new', 'old')))
  })

  it('waits while the version in use is being revoked, which what is in reserve replaces', () => {
    const asked = requestRevocation(given('stolen'), 'given-stolen', { by: 'ops', reason: 'stolen' }, 2)
    assert.equal(take(asked, 'next', 'stolen'), asked)
    const replaced = settled(asked)
    assert.equal(activeVersion(replaced)?.id, 'own-2')
    assert.ok(hasPassed(replaced, list('stolen')))
    const after = settled(take(replaced, 'next', 'stolen'))
    assert.deepEqual([activeVersion(after)?.id, states(after)['given-stolen']], ['given-next', 'revoked'])
  })

  it('that was given up before it was used, or is to be revoked, is not brought back', () => {
    const discarded = discard(take(own(), 'new'), 'given-new', 6)
    assert.equal(take(discarded, 'new'), discarded)
    const asked = requestRevocation(take(own(), 'new'), 'given-new', { by: 'ops', reason: 'stolen' }, 6)
    assert.equal(take(asked, 'new'), asked)
    assert.ok(hasPassed(asked, list('new')))
  })

  it('that was revoked before a backup was restored that knows nothing of it is not taken in', async () => {
    const keyring = given('old')
    assert.equal(take(keyring, 'stolen before', 'stolen before that', 'old'), keyring)
    assert.ok(hasPassed(keyring, list('stolen before', 'old')))
    const store = memoryStore(() => 1)
    let made = 0
    const make = async () => material(`own-${++made}`)
    const wanted = { name: 'csrf', policy: policyOf('csrf', terms, true), variable: 'CSRF' } as const
    await ensureGiven({ store, make }, { ...wanted, incoming: list('stolen before', 'old') })
    const anew = await ensureGiven({ store, make }, { ...wanted, incoming: list('stolen before', 'old') })
    assert.deepEqual(states(anew), { 'given-old': 'retiring', 'own-1': 'active', 'own-2': 'prepared' })
    assert.deepEqual(states(given('new', 'stolen before')), { 'given-new': 'active', 'own-2': 'prepared' })
  })

  it('does not give up what is in reserve and to be revoked', () => {
    const asked = requestRevocation(own(), 'own-2', { by: 'ops', reason: 'stolen' }, 2)
    const taken = take(asked, 'new')
    assert.deepEqual(states(taken), { 'own-1': 'active', 'own-2': 'prepared', 'given-new': 'prepared' })
    assert.equal(standbyVersion(taken)?.id, 'given-new')
  })
})

it('whatever lists replicas were given, in whatever order they look, they come to rest with nothing voided', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd')
  const lists = fc.uniqueArray(name, { minLength: 1, maxLength: 4 })
  const replicas = fc.array(lists, { minLength: 1, maxLength: 4 })
  const looks = fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 20 })
  fc.assert(
    fc.property(fc.boolean(), replicas, looks, (isOwn, given, order) => {
      let keyring = isOwn ? own() : prepare(firstOf(empty(), asList(given[0]), 1), material('own-2'), 1)
      const made = new Set([activeVersion(keyring)?.id])
      for (const [which, loops] of [...order, ...rounds(given.length)]) {
        keyring = takeIn(keyring, asList(given[which % given.length]), 'CSRF', 5)
        if (loops) keyring = settled(keyring)
        made.add(activeVersion(keyring)?.id)
        for (const id of made) assert.ok(keyring.versions.some((version) => version.id === id && isAccepted(version)))
      }
      assert.equal(keyring.rotation, undefined)
      for (const ids of given) {
        assert.equal(takeIn(keyring, asList(ids), 'CSRF', 5), keyring)
        for (const id of ids) assert.ok(keyring.versions.some((version) => version.id === `given-${id}`))
      }
    }),
  )
})

const asList = ([head = 'a', ...older]: readonly string[] = []) => list(head, ...older)
/** Long enough that every secret of every replica had its turn. */
const rounds = (replicas: number): [number, boolean][] => Array.from({ length: 8 * replicas }, (_, n) => [n, true])
