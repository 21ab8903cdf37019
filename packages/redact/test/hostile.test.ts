import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { redactHeaders, redactJson, redactLine, redactQuery, redactText, redactValue } from '../src/index.ts'
import { MARKED } from './secrets.ts'

const BRICKS = [
  ...['eyJ', 'eyJ.', 'eyJhbGciOiJ', 'ewo', '://a:b', '://a:', 'a:b@', 'bearer ', 'basic\t', 'dpop %20', '-----BEGIN '],
  ...['-----BEGIN PRIVATE KEY-----', 'LS0tLS1CRUdJTi', 'cookie: ', 'authorization:', '"k":"', 'k: "', '"d":'],
  ...['password="', "password='\\", 'password=', 'password=;', 'password=a;', 'password=a,', 'password=<', 'token=),'],
  ...['"password":', '"secret":[', '{"secret":{"a":"', 'secret=\\', '"token":"\\', 'token: ', '\ntoken: ', 'token'],
  ...['?a', '?a=', 'a=b;', '&', '#', '%3d', 'a=%3d', 'a%', '%20', '%252525', '+', ';', '=', '\\', ' \\\\\\"', '"', '`'],
  ...[
    '[',
    '{',
    '{"a":',
    ' ',
    '\n',
    ': "',
    'é',
    '/x',
    'AKIAABCDEFGHIJKLMNOP',
    'AKIAABCDEFGHIJKLMNOP,',
    'SG.aaaaaaaaaaaaaaaaaaaaaa.',
  ],
  ...MARKED.map(([mark]) => mark),
]
const TAILS = ['', '=@"}']
const LENGTH = 30_000

describe('the time for a hostile text', () => {
  const fields = (text: string) =>
    redactHeaders({ cookie: text, 'set-cookie': text, location: text, authorization: text })
  for (const redact of [redactText, redactQuery, redactJson, redactLine, redactValue, fields]) {
    it(`does not grow faster than its length: ${redact.name}`, () => {
      for (const brick of BRICKS) {
        for (const tail of TAILS) assertLinear((length) => redact(textOf(brick, length) + tail), brick + tail)
      }
    })
  }

  it('is a fraction of a second for a quarter of a megabyte', () => {
    for (const brick of BRICKS) {
      const usedMs = timeOf(() => redactText(textOf(brick, 250_000)))
      assert.ok(usedMs < 1500, `${JSON.stringify(brick)} took ${usedMs} ms`)
    }
  })
})

function textOf(brick: string, length: number): string {
  return brick.repeat(Math.ceil(length / brick.length))
}

/**
 * Eight times the length may take some thirty times as long at most, where a square would be sixty-four; and whatever takes
 * no time to speak of is well. Measured again before it fails, because other processes use the same caches.
 */
function assertLinear(act: (length: number) => unknown, what: string): void {
  const measured: string[] = []
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const long = timeOf(() => act(LENGTH))
    if (long < 30) return
    const short = timeOf(() => act(LENGTH / 8))
    if (long < 30 * Math.max(short, 2)) return
    measured.push(`${short} ms, then ${long} ms`)
  }
  assert.fail(`${JSON.stringify(what)}: ${measured.join('; ')}`)
}

// The processor's time of this process: it does not count what others on the machine take.
function timeOf(act: () => unknown): number {
  const started = process.cpuUsage().user
  act()
  return (process.cpuUsage().user - started) / 1000
}
