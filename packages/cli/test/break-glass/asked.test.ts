import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { planOf, requireSense } from '../../src/break-glass/asked.ts'
import { temporaryFolder } from '../folder.ts'
import { run } from '../shell.ts'

const folder = temporaryFolder()
const usual = [{ url: 'http://localhost:8081', everyAddress: false, path: '/hello' }]
const asked = { kid: 'es256-old', incident: 'INC-42', reason: 'found in a bucket', proveFor: '30s' }

test('a plan has the APIs of the estate, and those that are named instead', () => {
  assert.deepEqual(planOf(asked, usual, folder).apis, usual)
  writeFileSync(join(folder, 'apis.txt'), '# polling\nhttps://api-3 library=jose path=/me\ndns:https://api.internal\n')
  const { apis } = planOf({ ...asked, api: ['@apis.txt', 'https://api-1,https://api-2'] }, usual, folder)
  assert.deepEqual(
    apis.map(({ url, everyAddress, library, path }) => [url, everyAddress, library, path]),
    [
      ['https://api-3', false, 'jose', '/me'],
      ['https://api.internal', true, undefined, '/hello'],
      ['https://api-1', false, undefined, '/hello'],
      ['https://api-2', false, undefined, '/hello'],
    ],
  )
})

test('a file of APIs that is not there is wrong use', () => {
  const message = `${join(folder, 'none')} cannot be read (ENOENT)`
  assert.throws(() => planOf({ ...asked, api: ['@none'] }, usual, folder), { code: 'WRONG_USE', message })
})

test('sessions are ended by subject, session, client, and all that was issued before a time, or before they end', () => {
  const of = (more: object) => planOf({ ...asked, ...more }, [], folder).sessions
  assert.deepEqual(of({}), [])
  assert.deepEqual(of({ revokeSub: ['a', 'b'], revokeSession: ['s'], revokeClient: ['c'] }), [
    { sub: 'a' },
    { sub: 'b' },
    { sid: 's' },
    { clientId: 'c' },
  ])
  const time = '2026-03-01T12:00:00.000Z'
  assert.deepEqual(of({ revokeAllBefore: time }), [{ all: true, issuedBefore: time }])
  assert.deepEqual(of({ revokeAllBefore: 'now' }), [{ all: true }])
})

test('how long instances are tried, since when changes are listed, and that the store is suspected, is in the plan', () => {
  const { proveForMs, since, suspectStore } = planOf(
    { ...asked, proveFor: '2m', since: '2026-03-01T11:00:00Z', suspectStore: true },
    [],
    folder,
  )
  assert.deepEqual([proveForMs, since, suspectStore], [120_000, '2026-03-01T11:00:00.000Z', true])
})

test('what does not contain a forger is refused, with the reason', () => {
  const why = (more: object, message: RegExp) =>
    assert.throws(() => requireSense({ proveFor: '30s', ...more }), { code: 'FALSE_REMEDY', message })
  why({ revokeJti: ['a'] }, /a forger gives each token a new jti/)
  why({ revokeAllBefore: 'now' }, /a forger writes any iat/)
  why({ revokeSub: ['a'], incident: 'INC-42', reason: 'x' }, /a forger writes any subject/)
  assert.throws(() => requireSense({ ...asked, revokeJti: ['a'] }), {
    code: 'WRONG_USE',
    message: /leave --revoke-jti out/,
  })
})

test('what is missing or malformed is wrong use, which is found before an estate is looked for', async () => {
  const cases: [string[], number, string][] = [
    [['--kid', 'k'], 2, 'WRONG_USE'],
    [['--incident', 'INC/1'], 2, 'WRONG_USE'],
    [['--prove-for', 'long'], 2, 'WRONG_USE'],
    [['--since', 'yesterday'], 2, 'WRONG_USE'],
    [['--revoke-all-before', 'soon'], 2, 'WRONG_USE'],
    [['--revoke-client', 'c', '--incident', 'I', '--reason', 'r'], 4, 'FALSE_REMEDY'],
    [['--revoke-jti', 'a'], 4, 'FALSE_REMEDY'],
    [['--kid', 'k', '--incident', 'I', '--reason', 'r'], 3, 'NO_ESTATE'],
  ]
  for (const [words, code, reason] of cases) {
    const ran = await run(['break-glass', ...words, '--json'], { REKEY_HOME: join(folder, 'none') })
    assert.deepEqual([ran.code, JSON.parse(ran.stdout).code], [code, reason], words.join(' '))
  }
})
