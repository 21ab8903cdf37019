import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPublicAddress } from '../../src/outbound/public-address.ts'

const ofPublic = [
  '1.1.1.1',
  '8.8.8.8',
  '172.15.255.255',
  '172.32.0.1',
  '100.128.0.1',
  '223.255.255.255',
  '2606:4700::1111',
]

const ofNobodyElse = {
  'this host': ['0.0.0.0', '::', '127.0.0.1', '127.255.255.254', '::1'],
  'private networks': ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12:3456::1', 'fec0::1'],
  'neighbours and carriers': ['169.254.1.1', '100.64.0.1', '100.127.255.255', 'fe80::1', 'fe80::1%eth0'],
  'metadata of clouds': ['169.254.169.254', '100.100.100.200', '192.0.0.192', '168.63.129.16', 'fd00:ec2::254'],
  'documentation and measurement': ['192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '2001:db8::1', '3fff::1'],
  'many or nobody': ['224.0.0.1', '239.1.1.1', '240.0.0.1', '255.255.255.255', 'ff02::1', '100::1', '5f00::1'],
  'IPv4 inside IPv6': [
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::a00:1',
    '2002:7f00:1::',
    '2001:0:7f00:1::1',
  ],
  'no address at all': [
    '',
    'localhost',
    '0x7f.1',
    '2130706433',
    '0177.0.0.1',
    '127.1',
    '2606:4700::1111%1',
    ' 1.1.1.1',
  ],
}

test('what is reached from everywhere is public', () => {
  for (const address of ofPublic) assert.equal(isPublicAddress(address), true, address)
})

for (const [what, addresses] of Object.entries(ofNobodyElse)) {
  test(`${what}: not public`, () => {
    for (const address of addresses) assert.equal(isPublicAddress(address), false, address)
  })
}
