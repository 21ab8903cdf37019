import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Evidence, Held } from '../../src/decide/evidence.ts'
import { encryptionKeyId, makeEncryptionKey } from '../../src/kinds/encryption-key.ts'
import { endEscrow } from '../../src/lifecycle/escrow.ts'
import { type Keyring, newKeyring, versionOf } from '../../src/lifecycle/keyring.ts'
import {
  activate,
  adoptPolicy,
  markDemoted,
  markEmptied,
  markServed,
  prepare,
  requestRevocation,
  requestRotation,
  retire,
  revoke,
  rollBack,
} from '../../src/lifecycle/transition.ts'
import { carryOut } from '../../src/loop/carry-out.ts'
import { ensureKeyring } from '../../src/loop/ensure.ts'
import { checkPolicy, defaultPolicy, type Policy } from '../../src/policy/signing.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { nextDecisionAt } from '../../src/stores/store.ts'
import { look } from '../decide/look.ts'
import { evidence, material, saved, startMs, upToDate } from '../samples.ts'

const dayMs = 86_400_000
const withEscrow: Policy = { ...defaultPolicy, escrowForMs: 90 * dayMs }

/** `first` is active and `second` in reserve; every instance holds both. */
function settled(policy: Policy = defaultPolicy, given = false): Keyring {
  const made = (id: string) => (given ? { id, publicPart: {}, isGiven: true as const } : material(id))
  let keyring = prepare(newKeyring('columns', 'encryption-key', 'A256GCM', policy), made('first'), startMs)
  keyring = markServed(activate(keyring, 'first', startMs), 'first', startMs)
  return saved(undefined, markServed(prepare(keyring, made('second'), startMs), 'second', startMs))
}

/** `second` took over from `first`, which no instance encrypts by any more, and `third` is in reserve. */
function demoted(policy?: Policy, given = false): Keyring {
  const before = settled(policy, given)
  const moved = markDemoted(activate(before, 'second', startMs), 'first', startMs)
  return saved(before, given ? moved : markServed(prepare(moved, material('third'), startMs), 'third', startMs))
}

/** Somebody asked for `first` to be revoked, and `second` took over. */
function leaked(policy?: Policy, given?: boolean): Keyring {
  const before = settled(policy, given)
  const asked = requestRevocation(before, 'first', { by: 'ops', reason: 'leaked' }, startMs)
  return saved(before, markDemoted(activate(asked, 'second', startMs), 'first', startMs))
}

const rows = (count: number, more: Partial<Held> = {}): Evidence => ({
  ...upToDate,
  held: new Map([['first', { count, until: null, ...more }]]),
})
const noRows: Evidence = { ...upToDate, held: new Map() }
const first = (keyring: Keyring) => versionOf(keyring, 'first')
const stepsOf = (keyring: Keyring, seen: Evidence, now: number) =>
  look(keyring, seen, now).steps.filter((step) => step.do !== 'prepare')
const waits = (keyring: Keyring, seen: Evidence, now = startMs) =>
  look(keyring, seen, now).waiting.map(({ step, gate, for: parties, opensAt }) => ({ step, gate, parties, opensAt }))

describe('an encryption key', () => {
  it('is used when every live instance holds it, whoever else there is', () => {
    const before = prepare(
      activate(
        prepare(newKeyring('columns', 'encryption-key', '', defaultPolicy), material('first'), startMs),
        'first',
        startMs,
      ),
      material('second'),
      startMs,
    )
    const keyring = saved(undefined, requestRotation(before, { by: 'ops', forced: true }, startMs))
    const behind = { ...evidence({ one: 1, two: 0 }), held: new Map() }
    assert.deepEqual(waits(keyring, behind).find(({ step }) => step === 'activate')?.parties, [
      'every instance to serve it',
    ])
    const served = markServed(keyring, 'second', startMs)
    assert.ok(look(served, evidence({ one: 1 }, { api: 0 }), startMs).steps.some((step) => step.do === 'activate'))
  })

  it('waits for the rows to be counted, for rows, and for those who may add one', () => {
    const keyring = demoted()
    const drained = (parties: string[]) => [{ step: 'retire', gate: 'drained', parties, opensAt: null }]
    assert.deepEqual(waits(keyring, upToDate), drained(['the rows to be counted']))
    assert.deepEqual(waits(keyring, rows(3)), drained(['3 encrypted values']))
    assert.deepEqual(waits(keyring, rows(1)), drained(['1 encrypted value']))
    assert.deepEqual(
      waits(keyring, rows(0, { isUnsettled: true })),
      drained(['transactions that began before first was demoted']),
    )
  })

  it('is kept for the backups from the moment at which no row was left', () => {
    const keyring = demoted({ ...defaultPolicy, backupsKeptMs: 7 * dayMs })
    assert.deepEqual(stepsOf(keyring, noRows, startMs), [{ do: 'mark-emptied', id: 'first' }])
    const emptied = markEmptied(keyring, 'first', startMs + 5)
    const endsAt = startMs + 5 + 7 * dayMs
    assert.deepEqual(stepsOf(emptied, noRows, endsAt - 1), [])
    assert.equal(look(emptied, noRows, endsAt - 1).nextDecisionAt, endsAt)
    assert.deepEqual(stepsOf(emptied, noRows, endsAt), [{ do: 'retire', id: 'first' }])
    assert.deepEqual(stepsOf(emptied, rows(1), endsAt), [], 'rows that are there hold it up, whatever was seen before')
    assert.equal(first(retire(emptied, 'first', endsAt)).sealedPrivate, undefined)
  })

  it('is kept for thirty days by a document that does not say for how long', () => {
    const emptied = markEmptied(demoted(), 'first', startMs)
    assert.equal(look(emptied, noRows, startMs + 1).nextDecisionAt, startMs + 30 * dayMs)
  })

  it('goes into escrow as soon as no row is left, is not accepted there, and is erased when that is over', () => {
    const keyring = demoted(withEscrow)
    assert.deepEqual(stepsOf(keyring, noRows, startMs), [{ do: 'retire', id: 'first' }])
    const escrowed = saved(keyring, retire(keyring, 'first', startMs))
    const { state, sealedPrivate, escrowedUntil } = first(escrowed)
    assert.deepEqual([state, escrowedUntil], ['retired', startMs + 90 * dayMs])
    assert.notEqual(sealedPrivate, undefined)
    const patient = { ...escrowed, policy: { ...withEscrow, rotateEveryMs: 900 * dayMs } }
    assert.equal(look(patient, noRows, startMs).nextDecisionAt, escrowedUntil)
    assert.equal(nextDecisionAt(patient, startMs), escrowedUntil, 'stores know when to look again')
    assert.deepEqual(stepsOf(patient, noRows, escrowedUntil ?? 0), [{ do: 'end-escrow', id: 'first' }])
    assert.equal(first(endEscrow(patient, 'first')).sealedPrivate, undefined)
    assert.throws(() => rollBack(escrowed, startMs), { code: 'NOTHING_TO_ROLL_BACK' })
  })

  it('does not leave the document while it is in escrow, however many were retired since', () => {
    let keyring = retire(demoted(withEscrow), 'first', startMs)
    keyring = { ...keyring, policy: defaultPolicy }
    for (let i = 0; i < 40; i++) {
      const [from, to] = [i === 0 ? 'second' : `n${i - 1}`, `n${i}`]
      keyring = retire(activate(prepare(keyring, material(to), startMs), to, startMs), from, startMs)
    }
    assert.notEqual(first(keyring).sealedPrivate, undefined)
    assert.ok(keyring.versions.length < 20)
  })

  it('is rolled back to as if it had never been demoted', () => {
    const { state, demotedAt, emptiedAt } = first(rollBack(markEmptied(demoted(), 'first', startMs), startMs + 1))
    assert.deepEqual([state, demotedAt, emptiedAt], ['active', undefined, undefined])
  })
})

describe('an encryption key that leaked', () => {
  it('is replaced at once, and revoked when no row hangs on it any more', () => {
    const asked = requestRevocation(settled(), 'first', { by: 'ops', reason: 'leaked' }, startMs)
    assert.deepEqual(stepsOf(saved(settled(), asked), noRows, startMs), [{ do: 'activate', id: 'second' }])
    const keyring = leaked()
    assert.deepEqual(waits(keyring, rows(2)), [
      { step: 'revoke', gate: 'drained', parties: ['2 encrypted values'], opensAt: null },
    ])
    assert.deepEqual(stepsOf(keyring, rows(0, { isUnsettled: true }), startMs), [])
    const [step] = stepsOf(keyring, noRows, startMs)
    assert.equal(step?.do, 'revoke')
  })

  it('is demoted first, so that the database refuses what is encrypted by it', () => {
    const before = settled()
    const asked = requestRevocation(before, 'first', { by: 'ops', reason: 'leaked' }, startMs)
    const keyring = saved(before, activate(asked, 'second', startMs))
    const behind = { ...noRows, instances: evidence({ one: 0 }).instances }
    assert.deepEqual(
      waits(keyring, behind).map(({ step, gate }) => [step, gate]),
      [['revoke', 'demoted']],
    )
    assert.deepEqual(stepsOf(keyring, noRows, startMs), [{ do: 'mark-demoted', id: 'first' }])
  })

  it('lies in escrow for as long as backups are kept: they are of no use without it', () => {
    const revoked = revoke(leaked(), 'first', { reason: 'leaked' }, startMs)
    const { state, sealedPrivate, escrowedUntil, revocation } = first(revoked)
    assert.deepEqual([state, escrowedUntil, revocation], ['revoked', startMs + 30 * dayMs, undefined])
    assert.notEqual(sealedPrivate, undefined)
    const longer = revoke(leaked(withEscrow), 'first', { reason: 'leaked' }, startMs)
    assert.equal(first(longer).escrowedUntil, startMs + 90 * dayMs)
  })

  it('is revoked at once and for good where nothing was ever encrypted by it', () => {
    const keyring = requestRevocation(settled(), 'second', { by: 'ops', reason: 'leaked' }, startMs)
    assert.equal(stepsOf(keyring, rows(5), startMs)[0]?.do, 'revoke')
    const { state, sealedPrivate } = versionOf(revoke(keyring, 'second', { reason: 'leaked' }, startMs), 'second')
    assert.deepEqual([state, sealedPrivate], ['revoked', undefined])
  })
})

describe('an encryption key that is supplied from outside', () => {
  function alone(policy: Policy = defaultPolicy): Keyring {
    const { versions, ...rest } = settled(policy, true)
    return { ...rest, versions: versions.slice(0, 1) }
  }

  it('has no successor in reserve, and its rotation waits for one with the reason', () => {
    assert.deepEqual(look(alone(), noRows, startMs).steps, [])
    const asked = requestRotation(alone(), { by: 'ops', forced: false }, startMs + 1)
    const decision = look(asked, noRows, startMs + 2)
    assert.deepEqual(decision.steps, [])
    assert.deepEqual(decision.waiting, [
      {
        step: 'prepare',
        id: 'first',
        gate: 'supplied',
        for: ['a new key in front of those in its source'],
        opensAt: null,
        since: startMs + 1,
      },
    ])
    const dueAt = startMs + defaultPolicy.rotateEveryMs
    assert.equal(look(alone(), noRows, dueAt - 1).nextDecisionAt, dueAt)
    assert.equal(look(alone(), noRows, dueAt).waiting[0]?.since, dueAt)
  })

  it('cannot be revoked before there is a successor', () => {
    assert.throws(() => requestRevocation(alone(), 'first', { by: 'ops', reason: 'leaked' }, startMs), {
      code: 'NO_SUCCESSOR',
    })
  })

  it('can be rolled back to, although the document does not have it', () => {
    assert.equal(first(rollBack(demoted(defaultPolicy, true), startMs)).state, 'active')
  })

  for (const [how, keyring] of [
    ['retired', demoted(withEscrow, true)],
    ['revoked', leaked(defaultPolicy, true)],
  ] as const) {
    it(`is taken in, sealed, before it is ${how} into escrow`, async () => {
      let now = startMs
      const store = memoryStore(() => now)
      const about = { action: 'test', actor: 'ops', details: {} }
      const stored = await store.save(undefined, keyring, about)
      const sealed: string[] = []
      const hands = {
        store,
        observe: async () => noRows,
        sealGiven: async (_keyring: Keyring, { id }: { id: string }) => {
          sealed.push(id)
          return `sealed ${id}`
        },
      }
      await carryOut('columns', hands)
      const after = (await store.load('columns')) ?? assert.fail()
      assert.deepEqual(sealed, ['first'])
      assert.deepEqual([first(after).state, first(after).sealedPrivate], [how, 'sealed first'])
      now = first(after).escrowedUntil ?? assert.fail()
      await carryOut('columns', hands)
      assert.equal(first((await store.load('columns')) ?? assert.fail()).sealedPrivate, undefined)
      assert.ok(stored)
    })
  }

  it('holds its end up while it cannot be had', async () => {
    const store = memoryStore(() => startMs)
    await store.save(undefined, demoted(withEscrow, true), { action: 'test', actor: 'ops', details: {} })
    const hands = {
      store,
      observe: async () => noRows,
      sealGiven: async () => {
        throw new Error('it is not in the source')
      },
    }
    await assert.rejects(carryOut('columns', hands), /not in the source/)
    assert.equal(first((await store.load('columns')) ?? assert.fail()).state, 'retiring')
  })
})

describe('a keyring of encryption keys', () => {
  it('is made with keys of 256 bits whose ids follow from them', async () => {
    const keyring = await ensureKeyring(
      { store: memoryStore(() => startMs), make: makeEncryptionKey },
      { name: 'columns', kind: 'encryption-key', algorithm: 'A256GCM', policy: withEscrow },
    )
    assert.deepEqual(
      keyring.versions.map(({ state }) => state),
      ['active', 'prepared'],
    )
    for (const { id, sealedPrivate = '' } of keyring.versions) {
      const key = Buffer.from(sealedPrivate, 'base64url')
      assert.equal(key.length, 32)
      assert.equal(id, encryptionKeyId('columns', key))
      assert.match(id, /^columns-[0-9a-f]{12}$/)
    }
  })

  it('takes over how long backups are kept, also where the document did not say, and refuses what is no duration', () => {
    const { policy } = adoptPolicy(settled(), { ...withEscrow, backupsKeptMs: 5 * dayMs })
    assert.deepEqual([policy.backupsKeptMs, policy.escrowForMs], [5 * dayMs, 90 * dayMs])
    for (const backupsKeptMs of [-1, 0.5]) {
      assert.throws(() => checkPolicy({ ...defaultPolicy, backupsKeptMs }), { code: 'POLICY_INVALID' })
    }
  })
})
