import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shownKeyring } from '@rekey/service'
import { showClientKeyring } from '../../src/administration/client-keyring.ts'

const DAY_MS = 86_400_000

test('the keys of this client are shown as a keyring, as all others are', () => {
  const madeAt = Date.parse('2026-03-01T00:00:00Z')
  const waiting = `bff-${madeAt / 1_000 + 60}-00ff`
  const shown = showClientKeyring({
    algorithm: 'ES256',
    signing: { kid: 'bff-2', madeAt },
    waiting,
    before: 'bff-1',
    earlier: ['bff-1'],
    former: ['bff-0'],
    rotateEveryMs: 30 * DAY_MS,
    retireAfterMs: 60 * DAY_MS,
  })
  assert.deepEqual(
    shown.versions.map(({ id, state }) => `${id} ${state}`),
    ['bff-0 retired', 'bff-1 retiring', 'bff-2 active', `${waiting} prepared`],
  )
  assert.deepEqual(
    shown.waiting.map(({ version, gate, since }) => [version, gate, since]),
    [[waiting, 'propagated', '2026-03-01T00:01:00.000Z']],
  )
  assert.deepEqual([shown.policy.rotateEvery, shown.policy.maxGrace], ['30d', '60d'])
  shownKeyring.parse(shown)
})

test('a client without a key yet has a keyring without versions', () => {
  const none = { signing: undefined, waiting: undefined, before: undefined, earlier: [], former: [] }
  const { versions, waiting } = showClientKeyring({ ...none, algorithm: 'ES256', rotateEveryMs: 0, retireAfterMs: 0 })
  assert.deepEqual([versions, waiting], [[], []])
})
