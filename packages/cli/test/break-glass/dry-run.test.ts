import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playIdp } from '../idp.ts'
import { before } from '../keyring.ts'

const inspection = {
  provider: { kind: 'rekey', issuer: 'https://login.example' },
  key: { kid: 'k', keyring: 'signing-es256', algorithm: 'ES256', state: 'active', canSign: true },
  keys: [],
  verifiers: [],
  instances: ['idp-1'],
  obstacles: [] as object[],
  warnings: [],
  now: before(0),
}
const words = ['break-glass', '--kid', 'k', '--incident', 'INC-1', '--reason', 'r', '--suspect-store', '--dry-run']

test('a dry run that found something in the way ends with 4, and tells all that it found', async () => {
  const obstacles = [{ code: 'SELF_LOCK', message: 'it would lock itself out' }]
  const idp = await playIdp({ 'POST /incidents': { ...inspection, obstacles } })
  const text = await idp.rekey(...words)
  const json = await idp.rekey(...words, '--json')
  await idp.close()
  assert.deepEqual([text.code, json.code], [4, 4])
  assert.match(text.stdout, /In the way\n {2}! it would lock itself out/)
  assert.match(text.stderr, /^rekey: it would not begin: it would lock itself out\n$/)
  const { code, incident, inspection: seen } = JSON.parse(json.stdout)
  assert.deepEqual([code, incident, seen.obstacles], ['SELF_LOCK', 'INC-1', obstacles])
})

test('a dry run with nothing in the way ends with 0, and says that the store is suspected', async () => {
  const idp = await playIdp({ 'POST /incidents': inspection })
  const { code, stdout, stderr } = await idp.rekey(...words)
  await idp.close()
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^Store +suspected to have leaked: every key in it would be replaced$/m)
})
