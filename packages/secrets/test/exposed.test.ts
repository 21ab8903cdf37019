import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isExposed, isLoopback } from '../src/exposed.ts'

describe('what goes over the wire', () => {
  test('tells loopback from what looks like it', () => {
    const addresses = ['localhost', '::1', '127.0.0.2', '::ffff:127.0.0.1', '127.0.0.1.example', '128.0.0.1', '::']
    assert.deepEqual(addresses.map(isLoopback), [true, true, true, true, false, false, false])
  })

  test('stays private by https, and by an address of this machine', () => {
    const kept = ['https://idp.example', 'http://localhost:8002', 'http://127.0.0.1', 'http://[::1]:8002/path']
    for (const url of kept) assert.equal(isExposed(new URL(url)), false, url)
    for (const url of ['http://idp.example', 'http://[fd00::1]']) assert.equal(isExposed(new URL(url)), true, url)
  })
})
