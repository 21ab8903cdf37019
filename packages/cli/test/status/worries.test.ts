import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attention } from '../../src/status/attention.ts'
import { before, noon } from '../keyring.ts'

const nothing = { keyrings: [], verifiers: [] }
const overdue = (credentialId: string, agoMs: number, more: object = {}) => ({
  credentialId,
  agentId: 'a-1',
  agentName: 'billing',
  kind: 'client-secret',
  rotatedAt: before(agoMs + 90_000),
  overdueSince: before(agoMs),
  ...more,
})
const tripped = (seq: number, credentialId: string, details: object = {}) => ({
  seq,
  id: `e-${seq}`,
  at: before(100_000 - seq * 1_000),
  action: 'credential.tripwire',
  outcome: 'refused',
  actor: 'a-1',
  agentId: 'a-1',
  details: { credentialId, address: '10.0.0.7', count: 1, ...details },
  hash: '',
  previousHash: '',
})

test('an overdue credential is named with its agent and with the command that rotates it under its client', () => {
  const seen = (more: object) => ({ ...nothing, overdue: { credentials: [overdue('c-1', 5_000, more)], total: 1 } })
  assert.deepEqual(attention(seen({}), noon), [
    {
      what: 'credential c-1 of agent billing should have been rotated',
      since: before(5_000),
      command: 'rekey credential rotate a-1 c-1 --overlap 24h',
    },
  ])
  const [key] = attention(seen({ kind: 'client-key', agentName: undefined }), noon)
  assert.match(key?.what ?? '', /of agent a-1 /)
  assert.equal(key?.command, 'rekey credential rotate a-1 c-1 --jwk FILE')
})

test('of a thousand overdue credentials five are named and the others counted', () => {
  const credentials = [9, 8, 7, 6, 5, 4, 3].map((age) => overdue(`c-${age}`, age * 1_000))
  const found = attention({ ...nothing, overdue: { credentials, total: 1_000 } }, noon)
  assert.equal(found.length, 6)
  assert.deepEqual(found.at(-1), {
    what: '995 more credentials should have been rotated',
    since: before(4_000),
    command: 'rekey credential overdue',
  })
  const countless = attention({ ...nothing, overdue: { credentials, total: 10_000 } }, noon)
  assert.equal(countless.at(-1)?.what, 'at least 9995 more credentials should have been rotated')
  const six = attention({ ...nothing, overdue: { credentials: credentials.slice(0, 6), total: 6 } }, noon)
  assert.equal(six.at(-1)?.what, '1 more credential should have been rotated')
  assert.equal(attention({ ...nothing, overdue: { credentials: credentials.slice(0, 5), total: 5 } }, noon).length, 5)
})

const dayMs = 86_400_000
const expiring = (credentialId: string, inMs: number, more: object = {}) => ({
  credentialId,
  agentId: 'a-1',
  agentName: 'billing',
  owner: 'team-money',
  kind: 'client-secret',
  environment: 'production',
  isRegistered: false,
  expiresAt: before(-inMs),
  soonSince: before(7 * dayMs - inMs),
  ...more,
})

test('a credential that expires soon is named with its owner and with the command that rotates it', () => {
  const seen = (more: object) => ({
    ...nothing,
    expiring: { credentials: [expiring('c-1', 3 * dayMs, more)], total: 1 },
  })
  assert.deepEqual(attention(seen({}), noon), [
    {
      what: 'credential c-1 of agent billing (owner team-money) expires in 3d',
      since: before(4 * dayMs),
      command: 'rekey credential rotate a-1 c-1 --overlap 24h',
    },
  ])
  const [nobodys] = attention(seen({ kind: 'client-key', agentName: undefined, owner: undefined }), noon)
  assert.equal(nobodys?.what, 'credential c-1 of agent a-1 expires in 3d')
  assert.equal(nobodys?.command, 'rekey credential rotate a-1 c-1 --jwk FILE')
  const [registered] = attention(seen({ isRegistered: true }), noon)
  assert.equal(registered?.command, 'rekey dcr client rotate-secret a-1 --overlap 24h')
})

test('of a thousand credentials that expire soon five are named and the others counted', () => {
  const credentials = [1, 2, 3, 4, 5, 6, 7].map((days) => expiring(`c-${days}`, days * dayMs - 1_000))
  const found = attention({ ...nothing, expiring: { credentials, total: 1_000 } }, noon)
  assert.equal(found.length, 6)
  assert.deepEqual(found.at(-1), {
    what: '995 more credentials expire soon',
    since: credentials[5]?.soonSince,
    command: 'rekey credential expiring',
  })
  const countless = attention({ ...nothing, expiring: { credentials, total: 10_000 } }, noon)
  assert.equal(countless.at(-1)?.what, 'at least 9995 more credentials expire soon')
  const six = attention({ ...nothing, expiring: { credentials: credentials.slice(0, 6), total: 6 } }, noon)
  assert.equal(six.at(-1)?.what, '1 more credential expires soon')
})

const expired = (credentialId: string, agoMs: number, more: object = {}) => {
  const { soonSince: _, ...same } = expiring(credentialId, -agoMs, more)
  return same
}

test('a credential that expired and left its agent with none is named with its owner and with the command that gives another one', () => {
  const seen = (more: object) => ({ ...nothing, expired: { credentials: [expired('c-1', 2 * dayMs, more)], total: 1 } })
  assert.deepEqual(attention(seen({}), noon), [
    {
      what: 'credential c-1 of agent billing (owner team-money) expired 2d ago, and the agent has none that works',
      since: before(2 * dayMs),
      command: 'rekey credential create a-1',
    },
  ])
  const commandOf = (more: object) => attention(seen(more), noon)[0]?.command
  assert.equal(commandOf({ kind: 'client-key' }), 'rekey credential create a-1 --jwk FILE')
  assert.equal(commandOf({ isRegistered: true }), 'rekey dcr client rotate-secret a-1')
})

test('of a thousand credentials that expired five are named and the others counted, and those of other organizations', () => {
  const credentials = [7, 6, 5, 4, 3, 2].map((days) => expired(`c-${days}`, days * dayMs - 1_000))
  const elsewhere = { total: 10_000, firstExpiresAt: before(dayMs) }
  const found = attention({ ...nothing, expired: { credentials, total: 1_000, elsewhere } }, noon)
  assert.equal(found.length, 7)
  assert.deepEqual(found.slice(5), [
    {
      what: '995 more credentials expired, and their agents have none that works',
      since: credentials[5]?.expiresAt,
      command: 'rekey credential expiring',
    },
    {
      what: 'at least 10000 credentials of other organizations expired, and their agents have none that works',
      since: before(dayMs),
      command: null,
    },
  ])
})

test('what expires soon in other organizations is counted, for the alert has it too', () => {
  const of = (total: number) =>
    attention(
      {
        ...nothing,
        expiring: {
          credentials: [],
          total: 0,
          elsewhere: { total, firstExpiresAt: total === 0 ? null : before(-dayMs) },
        },
      },
      noon,
    ).map(({ what }) => what)
  assert.deepEqual(of(0), [])
  assert.match(of(1)[0] ?? '', /^1 credential of other organizations expires soon, the first in 1d: /)
  assert.match(of(10_000)[0] ?? '', /^at least 10000 credentials of other organizations expire soon/)
})

test('a chain that an instance finds broken is told; one that is whole, or of which nobody tells, is not', () => {
  const of = (integrity?: boolean, more: object = {}) =>
    attention(
      { ...nothing, audit: { ...(integrity === undefined ? {} : { integrity }), ...more, tripwires: [] } },
      noon,
    )
  const [found, ...rest] = of(false)
  assert.deepEqual(rest, [])
  assert.match(found?.what ?? '', /the audit is not whole/)
  assert.deepEqual([found?.since, found?.command], [before(0), 'rekey audit verify'])
  assert.equal(of(false, { brokenSince: before(60_000) })[0]?.since, before(60_000))
  assert.deepEqual([...of(true), ...of(undefined)], [])
})

test('what should happen to the audit all the time and does not is told, with what helps', () => {
  const of = (waiting: number, verified: number, kept: number) =>
    attention({ ...nothing, audit: { integrity: true, behind: { waiting, verified, kept }, tripwires: [] } }, noon)
  assert.deepEqual(of(60, 86_400, 3_600), [])
  const found = of(61, 86_401, 3_601)
  assert.deepEqual(
    found.map(({ since, command }) => [since, command]),
    [
      [before(86_401_000), 'rekey audit verify'],
      [before(3_601_000), 'rekey audit export FILE'],
      [before(61_000), 'rekey audit verify'],
    ],
  )
  const [never, ...rest] = of(0, 0, Number.POSITIVE_INFINITY)
  assert.deepEqual(rest, [])
  assert.match(never?.what ?? '', /no checkpoint .* set REKEY_AUDIT_CHECKPOINTS/)
})

test('the dead secrets of a credential that were presented are told together, since the first time and from where', () => {
  const tripwires = [tripped(3, 'c-1', { count: 4, address: '10.0.0.8' }), tripped(2, 'c-2'), tripped(1, 'c-1')]
  const found = attention({ ...nothing, audit: { tripwires } }, noon)
  assert.deepEqual(
    found.map(({ since }) => since),
    [before(99_000), before(98_000)],
  )
  assert.match(
    found[0]?.what ?? '',
    /a dead secret of agent a-1 was presented 5 times from 10\.0\.0\.7, 10\.0\.0\.8: it leaked/,
  )
  assert.match(found[1]?.what ?? '', /was presented once from 10\.0\.0\.7:/)
  assert.equal(found[0]?.command, 'rekey audit list --action credential.tripwire --agent a-1')
})

test('dead secrets of agents that a flood did not leave apart are told without a name', () => {
  const { agentId: _, ...many } = tripped(1, 'c-1', { credentialId: undefined, count: 70 })
  const [found] = attention({ ...nothing, audit: { tripwires: [{ ...many, actor: 'many' }] } }, noon)
  assert.match(found?.what ?? '', /^a dead secret of agents that were not told apart was presented 70 times/)
  assert.equal(found?.command, 'rekey audit list --action credential.tripwire')
})

test('many addresses do not fill the screen', () => {
  const tripwires = [1, 2, 3, 4, 5].map((digit) => tripped(digit, 'c-1', { address: `10.0.0.${digit}` }))
  const [found] = attention({ ...nothing, audit: { tripwires } }, noon)
  assert.match(found?.what ?? '', /from 10\.0\.0\.1, 10\.0\.0\.2, 10\.0\.0\.3 and 2 more:/)
})
