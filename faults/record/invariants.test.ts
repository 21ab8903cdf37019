import assert from 'node:assert/strict'
import { test } from 'node:test'
import { breachesOf } from './invariants.ts'
import { type Issued, type Judged, Recording, type SeenKeyring } from './record.ts'

const start = 1_000_000_000_000

test('a rotation in which all goes well shows no breach', () => {
  const recording = new Recording()
  recording.keyring(keyring({ at: 0, revision: 1, states: { old: 'active', next: 'prepared' } }))
  recording.keyring(keyring({ at: 10, revision: 2, states: { old: 'retiring', next: 'active' } }))
  recording.issued.push(issued({ kid: 'next', sentAt: 11 }))
  recording.judged.push(
    judged({ kid: 'old', sentAt: 12, status: 200 }),
    judged({ kid: 'next', sentAt: 13, status: 200 }),
  )
  assert.deepEqual(breachesOf(recording), [])
})

test('a good token that is refused is a breach; that there is no trust at the moment is none', () => {
  const recording = new Recording()
  recording.judged.push(judged({ kid: 'old', sentAt: 5, status: 503 }))
  assert.deepEqual(breachesOf(recording), [])
  recording.judged.push(judged({ kid: 'old', sentAt: 5, status: 401, code: 'key_unknown' }))
  assert.match(breachesOf(recording).join(), /^api refused a good token of old \(key_unknown\)/)
})

test('an expired token may be refused, and one whose revocation was asked for', () => {
  const recording = new Recording()
  recording.judged.push(judged({ kid: 'old', sentAt: 5, expiresAt: start + 6, status: 401 }))
  recording.revocationAskedAt.set('leaked', start + 4)
  recording.judged.push(judged({ kid: 'leaked', sentAt: 5, status: 401 }))
  assert.deepEqual(breachesOf(recording), [])
  recording.judged.push(judged({ kid: 'leaked', sentAt: 1, status: 401 }))
  assert.equal(breachesOf(recording).length, 1, 'before anybody asked for it')
})

test('a verifier that is on the feed refuses a revoked key within a second of the answer', () => {
  const recording = revokedAt(100)
  recording.judged.push(judged({ kid: 'leaked', sentAt: 1_100, status: 200 }))
  assert.deepEqual(breachesOf(recording), [])
  recording.judged.push(judged({ kid: 'leaked', sentAt: 1_101, status: 200 }))
  assert.match(breachesOf(recording).join(), /^api accepted a token of leaked 1001 ms after/)
})

test('one that is cut off does so when its lease is over', () => {
  const recording = revokedAt(100)
  recording.disturbances.push({ party: 'api', from: start, to: start + 60_000 })
  recording.judged.push(judged({ kid: 'leaked', sentAt: 15_100, status: 200 }))
  assert.deepEqual(breachesOf(recording), [])
  recording.judged.push(judged({ kid: 'leaked', sentAt: 15_101, status: 200 }))
  assert.equal(breachesOf(recording).length, 1)
})

test('after the answer nobody issues by a revoked key or publishes it', () => {
  const recording = revokedAt(100)
  recording.issued.push(issued({ kid: 'leaked', sentAt: 100 }))
  assert.deepEqual(breachesOf(recording), [])
  recording.issued.push(issued({ kid: 'leaked', sentAt: 101 }))
  recording.jwks.push({ idp: 'idp', kids: ['next', 'leaked'], ...exchange(101) })
  assert.deepEqual(
    breachesOf(recording).map((breach) => breach.replace(/ at [^,]+/, '')),
    ['idp issued by leaked, after its revocation', 'idp published leaked, after its revocation'],
  )
})

test('a revocation that nobody could be answered binds every instance when a lease has passed', () => {
  const recording = new Recording()
  recording.keyring(keyring({ at: 100, revision: 3, states: { leaked: 'revoked', next: 'active' } }))
  recording.issued.push(issued({ kid: 'leaked', sentAt: 5_100 }))
  assert.deepEqual(breachesOf(recording), [])
  recording.issued.push(issued({ kid: 'leaked', sentAt: 5_102 }))
  assert.equal(breachesOf(recording).length, 1)
})

test('two active versions are a breach, and none is one', () => {
  const wrong: Record<string, string>[] = [{ old: 'active', next: 'active' }, { old: 'retiring' }]
  for (const states of wrong) {
    const recording = new Recording()
    recording.keyring(keyring({ at: 0, revision: 1, states }))
    assert.match(breachesOf(recording).join(), /^signing-es256 had [02] active versions in revision 1$/)
  }
})

test('what comes back, is lost or is two things at once is a breach', () => {
  const steps: [Record<string, string>, Record<string, string>, RegExp][] = [
    [{ a: 'active', b: 'revoked' }, { a: 'active', b: 'retiring' }, /b went from revoked to retiring/],
    [{ a: 'active', b: 'retired' }, { a: 'active', b: 'revoked' }, /b went from retired to revoked/],
    [{ a: 'active', b: 'prepared' }, { a: 'active' }, /b is lost/],
  ]
  for (const [before, after, breach] of steps) assert.match(historyOf(before, 1, after, 2), breach)
  assert.match(
    historyOf({ a: 'active', b: 'prepared' }, 1, { a: 'active', b: 'retiring' }, 1),
    /b is two things at once/,
  )
  assert.equal(
    historyOf({ a: 'active', b: 'retired' }, 1, { a: 'active' }, 2),
    '',
    'of the retired only the latest are kept',
  )
})

function historyOf(
  before: Record<string, string>,
  first: number,
  after: Record<string, string>,
  second: number,
): string {
  const recording = new Recording()
  // Seen in the other order: another instance may answer later from what it read before.
  recording.keyring(keyring({ at: 1, revision: second, states: after }))
  recording.keyring(keyring({ at: second === first ? 2 : 3, revision: first, states: before }))
  return breachesOf(recording).join()
}

function revokedAt(at: number): Recording {
  const recording = new Recording()
  recording.revocationAskedAt.set('leaked', start)
  recording.revocationAnswered('leaked', start + at)
  return recording
}

const exchange = (sentAt: number) => ({ sentAt: start + sentAt, at: start + sentAt + 1 })

function issued({ kid, sentAt }: { kid: string; sentAt: number }): Issued {
  return { idp: 'idp', token: 'a.b.c', kid, issuedAt: start, expiresAt: start + 120_000, ...exchange(sentAt) }
}

function judged(about: { kid: string; sentAt: number; status: number; code?: string; expiresAt?: number }): Judged {
  const { code, expiresAt = start + 120_000, ...rest } = about
  return { api: 'api', code, expiresAt, ...rest, ...exchange(rest.sentAt) }
}

function keyring({
  at,
  revision,
  states,
}: {
  at: number
  revision: number
  states: Record<string, string>
}): SeenKeyring {
  const versions = Object.entries(states).map(([id, state]) => ({ id, state }))
  return { name: 'signing-es256', revision, versions, ...exchange(at) }
}
