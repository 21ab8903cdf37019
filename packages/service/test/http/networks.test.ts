import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isNetwork, networksOf } from '../../src/http/networks.ts'

const named = networksOf(['10.1.0.0/16', '192.0.2.7', 'fd00::/8'])

describe('networks that are named', () => {
  for (const address of ['10.1.2.3', '192.0.2.7', 'fd00::1', '::ffff:10.1.2.3']) {
    it(`have ${address}`, () => assert.equal(named.has(address), true))
  }
  for (const address of ['10.2.0.1', '192.0.2.8', 'fe80::1', '::ffff:10.2.0.1', 'localhost', 'fd00::1%eth0', '']) {
    it(`do not have ${address || 'nothing'}`, () => assert.equal(named.has(address), false))
  }
  it('are told from addresses, names and what is wrong', () => {
    for (const text of ['10.0.0.0/8', 'fd00::/8', '0.0.0.0/0']) assert.ok(isNetwork(text), text)
    const others = ['10.0.0.1', '10.0.0.0/33', 'fd00::/129', '10.0.0.0/', '10.0.0.0/8/8', 'host/8', '/8', '']
    for (const text of others) assert.ok(!isNetwork(text), text)
  })
  it('are nobody where none is named', () => assert.equal(networksOf([]).has('127.0.0.1'), false))
})
