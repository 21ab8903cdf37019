import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { includesEverybody, networks } from '../../src/http/proxies.ts'

describe('trusted proxies', () => {
  test('are addresses and networks, of either family', () => {
    const text = '10.0.0.5, 10.0.0.0/8,fd00::/8,::1'
    assert.deepEqual(networks.parse(text), ['10.0.0.5', '10.0.0.0/8', 'fd00::/8', '::1'])
  })

  for (const text of [
    'proxy.example',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0.0/x',
    '10.0.0.1,',
    ' ',
  ]) {
    test(`are not ${JSON.stringify(text)}`, () => assert.equal(networks.safeParse(text).success, false))
  }

  test('are everybody when a network of no bits is among them', () => {
    assert.deepEqual(
      [['10.0.0.1', '0.0.0.0/0'], ['::/0'], ['10.0.0.0/8'], []].map((trusted) => includesEverybody(trusted)),
      [true, true, false, false],
    )
  })
})
