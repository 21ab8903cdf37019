import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { DenyEntry } from '../../src/deny/entry.ts'
import { denyList } from '../../src/deny/list.ts'
import type { JwtClaims } from '../../src/jwt/claims.ts'
import { HandClock } from '../support/clock.ts'
import { NOW_MS } from '../support/keys.ts'

const NOW_S = NOW_MS / 1000
const LIFETIME_S = 3600
const MARGIN_S = 300

interface Kept {
  readonly origin: string
  readonly entry: DenyEntry
  readonly addedS: number
}

/** What the list promises, said as plainly as possible: every entry is kept as it came, and asked one after the other. */
class Reference {
  kept: Kept[] = []
  nowS = NOW_S

  add(origin: string, entries: readonly DenyEntry[]): void {
    for (const entry of entries) this.kept.push({ origin, entry, addedS: this.nowS })
  }

  remove(origin: string, entries: readonly DenyEntry[]): void {
    for (const entry of entries) {
      const held = this.kept.filter((one) => one.origin === origin && nameOf(one.entry) === nameOf(entry))
      const furthest = Math.max(...held.map(boundOf))
      if (furthest <= boundOf({ entry, addedS: Number.POSITIVE_INFINITY })) {
        this.kept = this.kept.filter((one) => !held.includes(one))
      }
    }
  }

  get inForce(): Kept[] {
    return this.kept.filter((one) => {
      const end = 'issuedBefore' in one.entry ? boundOf(one) + LIFETIME_S : boundOf(one)
      return this.nowS < end + MARGIN_S
    })
  }

  matches(claims: JwtClaims): boolean {
    return this.inForce.some(({ entry }) => {
      if ('jti' in entry) return entry.jti === claims.jti
      if ('sid' in entry) return entry.sid === claims.sid
      if ('kid' in entry) return false
      const older = claims.iat === undefined || claims.iat < Date.parse(entry.issuedBefore) / 1000
      if ('sub' in entry) return older && entry.sub === claims.sub
      if ('iss' in entry) return older && entry.iss === claims.iss
      return older && (entry.client_id === claims.client_id || entry.client_id === claims.azp)
    })
  }
}

const nameOf = (entry: DenyEntry): string => Object.entries(entry)[0]?.join(' ') ?? ''

function boundOf({ entry, addedS }: { entry: DenyEntry; addedS: number }): number {
  if ('kid' in entry) return Number.POSITIVE_INFINITY
  if ('issuedBefore' in entry) return Date.parse(entry.issuedBefore) / 1000
  return entry.expiresAt === undefined ? addedS + LIFETIME_S : Date.parse(entry.expiresAt) / 1000
}

const name = fc.constantFrom('a', 'b', 'c', '__proto__')
const aroundNowS = fc.integer({ min: NOW_S - 2 * LIFETIME_S, max: NOW_S + 2 * LIFETIME_S })
const moment = aroundNowS.map((seconds) => new Date(seconds * 1000).toISOString())
const entry: fc.Arbitrary<DenyEntry> = fc.oneof(
  fc.record({ kid: name }),
  fc.record({ jti: name, expiresAt: moment }, { requiredKeys: ['jti'] }),
  fc.record({ sid: name, expiresAt: moment }, { requiredKeys: ['sid'] }),
  fc.record({ sub: name, issuedBefore: moment }),
  fc.record({ client_id: name, issuedBefore: moment }),
  fc.record({ iss: name, issuedBefore: moment }),
)
const entries = fc.array(entry, { maxLength: 6 })
const claims: fc.Arbitrary<JwtClaims> = fc.record(
  { exp: aroundNowS, iat: aroundNowS, jti: name, sid: name, sub: name, client_id: name, azp: name, iss: name },
  { requiredKeys: ['exp'] },
)
const step = fc.oneof(
  fc.record({ act: fc.constant('add' as const), entries }),
  fc.record({ act: fc.constant('remove' as const), entries }),
  fc.record({ act: fc.constant('replace' as const), entries }),
  fc.record({ act: fc.constant('change' as const), entries, drop: entries }),
  fc.record({ act: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: LIFETIME_S }) }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function both(steps: readonly Step[], agree: (list: ReturnType<typeof denyList>, reference: Reference) => void) {
  const clock = new HandClock(NOW_MS)
  const list = denyList({ clock, maxTokenLifetimeMs: LIFETIME_S * 1000 })
  const reference = new Reference()
  await list.start(assert.fail)
  for (const one of steps) {
    if (one.act === 'add') {
      await list.add(one.entries)
      reference.add('operator', one.entries)
    } else if (one.act === 'remove') {
      await list.remove(one.entries)
      reference.remove('operator', one.entries)
    } else if (one.act === 'replace') {
      list.issuer.replace(one.entries)
      reference.kept = reference.kept.filter(({ origin }) => origin !== 'issuer')
      reference.add('issuer', one.entries)
    } else if (one.act === 'change') {
      list.issuer.change(one.entries, one.drop)
      reference.remove('issuer', one.drop)
      reference.add('issuer', one.entries)
    } else {
      clock.advance(one.seconds * 1000)
      reference.nowS += one.seconds
    }
    // What has ended is forgotten: it can no longer keep anything else from being taken back.
    reference.kept = reference.inForce
    agree(list, reference)
  }
  await list.close()
}

describe('a deny-list, against one that keeps and asks everything', { timeout: 100_000 }, () => {
  it('denies the same tokens, after whatever was added, taken back and waited for', async () => {
    const asked = fc.array(claims, { minLength: 5, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), asked, (steps, tokens) =>
        both(steps, (list, reference) => {
          for (const token of tokens) assert.equal(list.matches(token), reference.matches(token))
        }),
      ),
      { numRuns: 500 },
    )
  })

  it('lists what is in force, and denies the same keys', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), (steps) =>
        both(steps, (list, reference) => {
          const expected = new Set(reference.inForce.map((one) => `${one.origin} ${nameOf(one.entry)}`))
          const listed = [...list.entries()].map((one) => `${one.origin} ${nameOf(one.entry)}`)
          assert.deepEqual(listed.toSorted(), [...expected].toSorted())
          for (const kid of ['a', 'b', 'c', '__proto__']) {
            const denied = reference.inForce.some(({ entry: one }) => 'kid' in one && one.kid === kid)
            assert.equal(list.isKidDenied(kid), denied)
          }
        }),
      ),
      { numRuns: 200 },
    )
  })

  it('whose generation stands still allows what it allowed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.array(claims, { minLength: 10 }),
        async (steps, tokens) => {
          let generation = -1
          let allowed: JwtClaims[] = []
          await both(steps, (list) => {
            if (list.generation === generation) {
              for (const token of allowed) assert.equal(list.matches(token), false)
            }
            generation = list.generation
            allowed = tokens.filter((token) => !list.matches(token))
          })
        },
      ),
      { numRuns: 300 },
    )
  })
})
