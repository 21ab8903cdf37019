import assert from 'node:assert/strict'
import { it } from 'node:test'
import { networkOf } from '../../src/sessions/network.ts'

it('is the first three bytes of an IPv4 address, and the first three groups of an IPv6 one', () => {
  const networks: [string, string][] = [
    ['192.0.2.17', '192.0.2.0/24'],
    ['::ffff:192.0.2.17', '192.0.2.0/24'],
    ['::FFFF:192.0.2.17', '192.0.2.0/24'],
    ['2001:db8:1:2::3', '2001:db8:1::/48'],
    ['2001:0DB8:0001:ffff:1:2:3:4', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8:0::/48'],
    ['2001::5:6:7:8', '2001:0:0::/48'],
    ['::1', '0:0:0::/48'],
    ['::', '0:0:0::/48'],
    ['1:2::', '1:2:0::/48'],
    ['::2:3:4:5:6:7:8', '0:2:3::/48'],
    ['fe80::1%eth0', 'fe80:0:0::/48'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0::/48'],
    ['64:ff9b:1:2:3:4:192.0.2.33', '64:ff9b:1::/48'],
    ['unknown', 'unknown'],
  ]
  for (const [address, network] of networks) assert.equal(networkOf(address), network, address)
})
