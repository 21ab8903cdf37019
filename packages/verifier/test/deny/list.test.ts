import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type DenyList, type DenyOrigin, denyList } from '../../src/deny/list.ts'
import type { JwtClaims } from '../../src/jwt/claims.ts'
import { HandClock } from '../support/clock.ts'
import { NOW_MS, refused } from '../support/keys.ts'

const NOW_S = NOW_MS / 1000
const DAY_MS = 86_400_000
const MARGIN_MS = 300_000

const iso = (ms: number): string => new Date(ms).toISOString()
const claims = (some: Partial<JwtClaims>): JwtClaims => ({ exp: NOW_S + 3600, iat: NOW_S, ...some })

function make(options: { maxTokenLifetimeMs?: number } = {}) {
  const clock = new HandClock(NOW_MS)
  return { clock, list: denyList({ clock, ...options }) }
}

const held = (list: DenyList): [DenyOrigin, unknown][] =>
  [...list.entries()].map(({ origin, entry }) => [origin, entry])

describe('a deny-list', () => {
  it('denies nothing while it is empty', () => {
    const { list } = make()
    assert.equal(list.matches(claims({ jti: 'j', sid: 's', sub: 'u', client_id: 'c' })), false)
    assert.equal(list.matches({ exp: 1 }), false)
    assert.equal(list.isKidDenied('k'), false)
    assert.equal(list.size, 0)
  })

  it('denies a key, a token and a session by their names', async () => {
    const { list } = make()
    await list.add([{ kid: 'k' }, { jti: 'j' }, { sid: 's' }])
    assert.equal(list.isKidDenied('k'), true)
    assert.equal(list.isKidDenied('j'), false)
    assert.equal(list.matches(claims({ jti: 'j' })), true)
    assert.equal(list.matches(claims({ sid: 's', jti: 'other' })), true)
    assert.equal(list.matches(claims({ jti: 's', sid: 'j', sub: 'k' })), false)
  })

  it('denies what a subject got before a moment, and what does not show when it was issued', async () => {
    const { list } = make()
    await list.add([{ sub: 'u', issuedBefore: iso(NOW_MS) }])
    assert.equal(list.matches(claims({ sub: 'u', iat: NOW_S - 1 })), true)
    assert.equal(list.matches(claims({ sub: 'u', iat: NOW_S })), false)
    assert.equal(list.matches({ exp: NOW_S, sub: 'u' }), true)
    assert.equal(list.matches(claims({ sub: 'v', iat: NOW_S - 1 })), false)
  })

  it('denies what a client got, whether client_id or azp names it', async () => {
    const { list } = make()
    await list.add([{ client_id: 'c', issuedBefore: iso(NOW_MS) }])
    const iat = NOW_S - 1
    assert.equal(list.matches(claims({ client_id: 'c', iat })), true)
    assert.equal(list.matches(claims({ azp: 'c', iat })), true)
    assert.equal(list.matches(claims({ client_id: 'other', azp: 'c', iat })), true)
    assert.equal(list.matches(claims({ client_id: 'c', iat: NOW_S })), false)
    assert.equal(list.matches(claims({ sub: 'c', iat })), false)
  })

  it('denies what an issuer issued before a moment, whoever got it', async () => {
    const { list } = make()
    await list.add([{ iss: 'https://idp.example.com', issuedBefore: iso(NOW_MS) }])
    assert.equal(list.matches(claims({ iss: 'https://idp.example.com', iat: NOW_S - 1 })), true)
    assert.equal(list.matches({ exp: NOW_S + 3600, iss: 'https://idp.example.com' }), true)
    assert.equal(list.matches(claims({ iss: 'https://idp.example.com' })), false)
    assert.equal(list.matches(claims({ iss: 'https://other.example.com', iat: NOW_S - 1 })), false)
    assert.equal(list.matches(claims({ sub: 'https://idp.example.com', iat: NOW_S - 1 })), false)
  })

  it('counts the later of two moments for the same subject, in whatever order they come', async () => {
    const { list } = make()
    await list.add([
      { sub: 'u', issuedBefore: iso(NOW_MS - 5000) },
      { sub: 'u', issuedBefore: iso(NOW_MS) },
      { sub: 'u', issuedBefore: iso(NOW_MS - 9000) },
    ])
    assert.equal(list.matches(claims({ sub: 'u', iat: NOW_S - 1 })), true)
    assert.deepEqual(held(list), [['operator', { sub: 'u', issuedBefore: iso(NOW_MS) }]])
  })

  it('refuses entries that are none, and takes none of those beside them', async () => {
    const { list } = make()
    await assert.rejects(list.add([{ kid: 'k' }, { jti: '' }]), refused('deny_entry_invalid'))
    await assert.rejects(list.remove([{} as never]), refused('deny_entry_invalid'))
    assert.equal(list.size, 0)
  })

  for (const options of [
    { file: '' },
    { stateFile: 7 },
    { file: '/a', stateFile: '/a' },
    { maxTokenLifetimeMs: 0 },
    { maxTokenLifetimeMs: Number.NaN },
    { maxTokenLifetimeMs: 1e15 },
  ]) {
    it(`is not made with ${JSON.stringify(options)}`, () => assert.throws(() => denyList(options as never), TypeError))
  }
})

describe('origins of a deny-list', () => {
  it('deny each for itself: what one takes back, another goes on denying', async () => {
    const { list } = make()
    const entry = { jti: 'j', expiresAt: iso(NOW_MS + DAY_MS) }
    await list.add([entry])
    list.issuer.replace([entry])
    assert.deepEqual(held(list), [
      ['issuer', entry],
      ['operator', entry],
    ])
    assert.equal(await list.remove([{ jti: 'j' }]), 1)
    assert.equal(await list.remove([{ jti: 'j' }]), 0)
    assert.equal(list.matches(claims({ jti: 'j' })), true)
    list.issuer.change([], [entry])
    assert.equal(list.matches(claims({ jti: 'j' })), false)
  })

  it('a set of the issuer replaces the one before, and leaves what the operator denies', async () => {
    const { list } = make()
    await list.add([{ kid: 'mine' }])
    list.issuer.replace([{ kid: 'one' }, { kid: 'two' }])
    list.issuer.replace([{ kid: 'two' }, { kid: 'three' }])
    assert.deepEqual(
      ['mine', 'one', 'two', 'three'].map((kid) => list.isKidDenied(kid)),
      [true, false, true, true],
    )
  })

  it('an entry that a change drops and adds is there with what was added', () => {
    const { list } = make()
    list.issuer.replace([{ sub: 'u', issuedBefore: iso(NOW_MS) }])
    list.issuer.change([{ sub: 'u', issuedBefore: iso(NOW_MS - 1000) }], [{ sub: 'u', issuedBefore: iso(NOW_MS) }])
    assert.deepEqual(held(list), [['issuer', { sub: 'u', issuedBefore: iso(NOW_MS - 1000) }]])
  })

  it('an entry takes back what reaches no further than itself', async () => {
    const { list } = make()
    await list.add([{ sub: 'u', issuedBefore: iso(NOW_MS) }])
    assert.equal(await list.remove([{ sub: 'u', issuedBefore: iso(NOW_MS - 1000) }]), 0)
    assert.equal(await list.remove([{ sub: 'u', issuedBefore: iso(NOW_MS) }]), 1)
    await list.add([{ jti: 'j', expiresAt: iso(NOW_MS + 100 * DAY_MS) }])
    assert.equal(await list.remove([{ jti: 'j', expiresAt: iso(NOW_MS) }]), 0)
    assert.equal(await list.remove([{ jti: 'j' }]), 1)
  })
})

describe('the generation of a deny-list', () => {
  it('grows when something may be denied that was allowed, and for nothing else', async () => {
    const { list } = make()
    const grows = async (act: () => unknown): Promise<boolean> => {
      const before = list.generation
      await act()
      return list.generation > before
    }
    const [jti, sub] = [{ jti: 'j' }, { sub: 'u', issuedBefore: iso(NOW_MS) }]
    assert.equal(await grows(() => list.add([jti, sub])), true)
    assert.equal(await grows(() => list.add([jti, sub])), false)
    assert.equal(await grows(() => list.add([{ sub: 'u', issuedBefore: iso(NOW_MS + 1000) }])), true)
    assert.equal(await grows(() => list.add([{ sub: 'u', issuedBefore: iso(NOW_MS) }])), false)
    assert.equal(await grows(() => list.remove([jti])), false)
    assert.equal(await grows(() => list.add([jti])), true)
    assert.equal(await grows(() => list.issuer.replace([jti, sub])), true)
    assert.equal(await grows(() => list.issuer.replace([sub, jti])), false)
    assert.equal(await grows(() => list.issuer.replace([sub])), false)
    assert.equal(await grows(() => list.issuer.change([], [sub])), false)
    assert.equal(await grows(() => list.issuer.change([sub], [sub])), true)
  })
})

describe('forgetting', () => {
  it('an entry ends five minutes after its expiresAt, and can be seen to', async () => {
    const { list, clock } = make()
    const entry = { jti: 'j', expiresAt: iso(NOW_MS + 60_000) }
    await list.add([entry])
    assert.deepEqual([...list.entries()], [{ entry, origin: 'operator', until: iso(NOW_MS + 60_000 + MARGIN_MS) }])
    clock.advance(60_000 + MARGIN_MS - 1)
    assert.equal(list.matches(claims({ jti: 'j' })), true)
    clock.advance(1)
    assert.equal(list.matches(claims({ jti: 'j' })), false)
    assert.deepEqual([...list.entries()], [])
    assert.equal(await list.remove([{ jti: 'j' }]), 0)
  })

  it('without expiresAt it ends when every token of today is over, and that is filled in', async () => {
    const { list, clock } = make({ maxTokenLifetimeMs: DAY_MS })
    await list.add([{ sid: 's' }])
    assert.deepEqual(held(list), [['operator', { sid: 's', expiresAt: iso(NOW_MS + DAY_MS) }]])
    clock.advance(DAY_MS + MARGIN_MS - 1)
    assert.equal(list.matches(claims({ sid: 's' })), true)
    clock.advance(1)
    assert.equal(list.matches(claims({ sid: 's' })), false)
  })

  it('an entry of a subject ends with the last token issued before its moment', async () => {
    const { list, clock } = make({ maxTokenLifetimeMs: DAY_MS })
    await list.add([{ sub: 'u', issuedBefore: iso(NOW_MS - 1000) }])
    clock.advance(DAY_MS - 1000 + MARGIN_MS - 1)
    assert.equal(list.matches({ exp: 1, sub: 'u' }), true)
    clock.advance(1)
    assert.equal(list.matches({ exp: 1, sub: 'u' }), false)
  })

  it('entries of a key stay', async () => {
    const { list, clock } = make()
    await list.add([{ kid: 'k' }])
    clock.advance(10_000 * DAY_MS)
    assert.deepEqual([...list.entries()], [{ entry: { kid: 'k' }, origin: 'operator', until: null }])
  })

  it('what has ended already is not taken', async () => {
    const { list } = make({ maxTokenLifetimeMs: DAY_MS })
    await list.add([{ jti: 'j', expiresAt: iso(NOW_MS - MARGIN_MS) }])
    list.issuer.replace([{ sub: 'u', issuedBefore: iso(NOW_MS - DAY_MS - MARGIN_MS) }])
    assert.equal(list.size, 0)
    assert.equal(list.generation, 0)
  })

  it('frees the memory by and by, some thousand entries a second', async (t) => {
    const { list, clock } = make()
    await list.start(assert.fail)
    t.after(() => list.close())
    const expiresAt = iso(NOW_MS + 1000)
    list.issuer.replace([{ kid: 'k' }, ...Array.from({ length: 12_000 }, (_, n) => ({ jti: `${n}`, expiresAt }))])
    assert.equal(list.size, 12_001)
    clock.advance(1000 + MARGIN_MS)
    const sizes = [list.size]
    for (let second = 0; second < 4; second++) {
      clock.advance(1000)
      sizes.push(list.size)
    }
    assert.equal(list.size, 1)
    const steps = sizes.slice(1).map((size, index) => (sizes[index] as number) - size)
    assert.ok(Math.max(...steps) <= 5_000, `${steps}`)
  })

  it('is not hurried by a wall clock that is set ahead for a while', async (t) => {
    const { list, clock } = make()
    await list.start(assert.fail)
    t.after(() => list.close())
    await list.add([{ jti: 'j', expiresAt: iso(NOW_MS + DAY_MS) }])
    clock.jumpWall(1000 * DAY_MS)
    for (let second = 0; second < 5; second++) clock.advance(1000)
    clock.jumpWall(-1000 * DAY_MS)
    assert.equal(list.matches(claims({ jti: 'j' })), true)
  })
})
