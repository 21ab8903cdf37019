import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defaultPolicy, type Keyring, newKeyring, type Waiting } from '@rekey/keyring'
import { commonMetrics, observeCommon, waitsNoted } from '../../src/index.ts'

const now = 1_800_000_000_000
const chain = {
  ages: () => ({ oldestWaiting: 0, verified: 0, kept: 0 }),
  brokenSince: () => undefined,
  integrity: () => true,
  size: () => 0,
}

function keyringOf(revision: number, activatedAt: number): Keyring {
  const made = newKeyring('k', 'shared-secret', 'HS256', defaultPolicy)
  const active = { id: 'k-1', state: 'active', since: 1, publicPart: {}, preparedAt: activatedAt, activatedAt } as const
  return { ...made, revision, versions: [active] }
}

const wait = (change: Partial<Waiting>): Waiting => ({
  ...{ step: 'retire', gate: 'drained', id: 'k-0', for: [], opensAt: null, since: now },
  ...change,
})

/** What is told of it, as lines. */
async function told(waiting: Waiting[], { revision = 7, isHeld = true, age = 0 } = {}): Promise<string[]> {
  const metrics = commonMetrics()
  const waits = waitsNoted()
  waits.note({ name: 'k', revision }, { waiting })
  const view = { held: () => isHeld, leaseLeftMs: () => 0 }
  observeCommon(metrics, { view, chain, keyrings: [keyringOf(7, now - age)], waits, now })
  const text = await metrics.registry.metrics()
  return text.split('\n').filter((line) => /^rekey_keyring_(?:waiting|gate|overdue)/.test(line))
}

const labels = '{keyring="k",step="retire",gate="drained"}'

describe('what a keyring waits for, as metrics', () => {
  it('is told with how long, and with when it ends by itself', async () => {
    const lines = await told([wait({ since: now - 5_000, opensAt: now + 60_000 })])
    assert.ok(lines.includes(`rekey_keyring_waiting_seconds${labels} 5`))
    assert.ok(lines.includes(`rekey_keyring_gate_opens_timestamp_seconds${labels} ${now / 1_000 + 60}`))
  })

  it('is told once for versions that wait alike: the longest, and that it hangs on somebody if one of them does', async () => {
    const lines = await told([wait({ since: now - 9_000, opensAt: now + 1 }), wait({ since: now - 2_000 })])
    assert.ok(lines.includes(`rekey_keyring_waiting_seconds${labels} 9`))
    assert.ok(lines.includes(`rekey_keyring_gate_opens_timestamp_seconds${labels} 0`))
  })

  it('is never negative where the clock of this process is behind that of the database', async () => {
    assert.ok((await told([wait({ since: now + 400 })])).includes(`rekey_keyring_waiting_seconds${labels} 0`))
  })

  it('is not told of a document that has changed since', async () => {
    assert.deepEqual(await told([wait({})], { revision: 6 }), ['rekey_keyring_overdue_seconds{keyring="k"} 0'])
  })

  it('is not told by an instance without a lease, whose loop stands still', async () => {
    assert.deepEqual(await told([wait({})], { isHeld: false }), ['rekey_keyring_overdue_seconds{keyring="k"} 0'])
  })

  it('says for how long a keyring is overdue', async () => {
    const { rotateEveryMs } = defaultPolicy
    assert.ok((await told([], { age: rotateEveryMs })).includes('rekey_keyring_overdue_seconds{keyring="k"} 0'))
    const late = await told([], { age: rotateEveryMs + 3_000 })
    assert.ok(late.includes('rekey_keyring_overdue_seconds{keyring="k"} 3'))
  })
})
