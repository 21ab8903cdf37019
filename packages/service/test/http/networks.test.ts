import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { networkOf } from '../../src/http/networks.ts'

const isNamed = networkOf(['10.1.0.0/16', '192.0.2.7', 'fd00::/8'])

describe('networks that are named', () => {
  for (const address of ['10.1.2.3', '192.0.2.7', 'fd00::1', '::ffff:10.1.2.3']) {
    it(`have ${address}`, () => assert.equal(isNamed(address), true))
  }
  for (const address of ['10.2.0.1', '192.0.2.8', 'fe80::1', '::ffff:10.2.0.1', 'localhost', '']) {
    it(`do not have ${address || 'nothing'}`, () => assert.equal(isNamed(address), false))
  }
  it('are nobody where none is named', () => assert.equal(networkOf([])('127.0.0.1'), false))
})
