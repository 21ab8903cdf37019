import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Instance } from '../../src/instance.ts'
import { ActiveKey } from '../../src/oidc/active-key.ts'

/** Keys that say of each signature by which of them it is. */
function keysOf(kid: string) {
  const sign = (by: string) => {
    if (by !== kid) throw new Error(`cannot sign by ${by}`)
    return Buffer.from(`by ${kid}`)
  }
  return { active: () => ({ kid, header: '' }), sign } as unknown as ReturnType<Instance['keys']>
}

const inputOf = (kid: string) => Buffer.from(`${Buffer.from(JSON.stringify({ kid })).toString('base64url')}.e30`)

test('what names the active key is signed by that one, though another became active between', async () => {
  let keys = keysOf('old')
  const key = new ActiveKey({ keys: () => keys, requireLease: () => {} }, 'signing-es256', 'ES256')
  const header = inputOf(key.kid)
  keys = keysOf('new')
  assert.equal(String(await key.sign(header)), 'by old')
  assert.equal(key.kid, 'new')
  assert.equal(String(await key.sign(header)), 'by old')
  assert.equal(String(await key.sign(inputOf('new'))), 'by new')
  await nextTurn()
  assert.throws(() => key.sign(header), /cannot sign by old/)
})
