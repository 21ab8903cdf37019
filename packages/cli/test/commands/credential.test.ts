process.env.TZ = 'UTC'

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { temporaryFolder } from '../folder.ts'
import { playIdp, Refusal } from '../idp.ts'
import { before as ago } from '../keyring.ts'

const dayMs = 86_400_000
const agentId = '5b0f8d2e-3c7b-4a44-9a0e-6f0f7f3f1a01'
const [first, second, third] = [1, 2, 3].map((digit) => `c4e1b1f0-9f5f-4b6a-8d51-2f7a1d0c9e0${digit}`) as [
  string,
  string,
  string,
]
const credentials = `/agents/${agentId}/credentials`
const one = {
  credentialId: first,
  clientId: agentId,
  kind: 'client-secret',
  status: 'active',
  createdAt: ago(100 * dayMs),
}
const overdue = { ...one, rotatedAt: ago(91 * dayMs), rotateBy: ago(dayMs), expiresAt: ago(-300 * dayMs) }
const overlapping = {
  ...one,
  credentialId: second,
  rotatedAt: ago(dayMs),
  rotateBy: ago(-89 * dayMs),
  overlapEndsAt: ago(-82_800_000),
}
const leaked = { ...overdue, credentialId: third, status: 'revoked', revokedAt: ago(60_000), reason: 'leaked' }
const late = { ...one, credentialId: third, status: 'expired', rotatedAt: ago(91 * dayMs), expiresAt: ago(dayMs) }
const uses = {
  firstAt: ago(80 * dayMs),
  lastAt: ago(5_000),
  count: 120,
  addresses: [
    { address: '10.0.0.7', firstAt: ago(80 * dayMs), lastAt: ago(5_000), count: 100 },
    { address: '2001:db8::1', firstAt: ago(2 * dayMs), lastAt: ago(dayMs), count: 20 },
  ],
}
const waiting = {
  step: 'retire',
  version: 'v-3f2a',
  gate: 'drained',
  for: ['the overlap to end'],
  opensAt: ago(-60_000),
}
const old = { id: 'v-3f2a', state: 'retiring', preparedAt: ago(90 * dayMs), retiringAt: ago(dayMs), seen: uses }
const fresh = { id: 'v-9c1d', state: 'active', preparedAt: ago(dayMs), activatedAt: ago(dayMs), seen: 'not seen' }
const issued = {
  credentialId: first,
  clientId: agentId,
  clientSecret: 'sk_live_1',
  status: 'active',
  createdAt: ago(0),
}
const folder = temporaryFolder()
const publicKey = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }

let idp: Awaited<ReturnType<typeof playIdp>>
let answers: Record<string, unknown>
before(async () => {
  answers = {
    [`GET /agents/${agentId}`]: { agentId, status: 'active', name: 'billing' },
    [`GET ${credentials}?limit=200`]: { credentials: [overdue, overlapping, leaked, late], nextCursor: null },
    [`GET ${credentials}?status=revoked&limit=200`]: { credentials: [], nextCursor: null },
    [`GET ${credentials}/${second}`]: {
      ...overlapping,
      recordedSince: ago(90 * dayMs),
      waiting: [waiting],
      versions: [old, fresh],
    },
    [`GET ${credentials}/${third}`]: new Refusal(404, 'UNKNOWN_CREDENTIAL', 'there is no such credential'),
    [`POST ${credentials}`]: issued,
    [`POST ${credentials}/${first}/rotate`]: issued,
    [`POST ${credentials}/${second}/rotate`]: { ...issued, overlapEndsAt: ago(-dayMs) },
    [`POST ${credentials}/${third}/rotate`]: new Refusal(409, 'CREDENTIAL_REVOKED', 'the credential is revoked'),
    [`POST ${credentials}/${first}/revoke`]: { ...one, status: 'revoked' },
    'GET /credentials?due=overdue&limit=1': {
      credentials: [{ ...overdue, agentId, agentName: 'billing', overdueSince: ago(dayMs) }],
      nextCursor: 'more',
      total: 2,
    },
    'GET /credentials/expiring?within=30d&environment=staging&limit=1': {
      credentials: [
        {
          ...one,
          agentId,
          agentName: 'billing',
          owner: 'team-money',
          environment: 'staging',
          isRegistered: false,
          expiresAt: ago(-20 * dayMs),
          soonSince: ago(10 * dayMs),
        },
      ],
      nextCursor: 'more',
      total: 2,
    },
    'GET /credentials/expiring?limit=50': {
      credentials: [],
      nextCursor: null,
      total: 0,
      elsewhere: { total: 2, firstExpiresAt: ago(-dayMs) },
    },
    'GET /credentials/expiring?status=expired&limit=50': { credentials: [], nextCursor: null, total: 0 },
    'GET /credentials/expiring?environment=staging&status=expired&limit=1': {
      credentials: [
        {
          ...one,
          credentialId: third,
          agentId,
          environment: 'staging',
          isRegistered: false,
          expiresAt: ago(2 * dayMs),
        },
      ],
      nextCursor: 'more',
      total: 2,
      elsewhere: { total: 3, firstExpiresAt: ago(dayMs) },
    },
  }
  idp = await playIdp(answers)
})
after(() => idp.close())

test('credential list tells what works, for how long, and what is due', async () => {
  assert.equal(
    (await idp.rekey('credential', 'list', agentId)).stdout,
    `  CREDENTIAL                            KIND           STATUS                           AGE  ROTATION        EXPIRES
  ${first}  client-secret  active                           91d  overdue for 1d  in 300d
  ${second}  client-secret  active, the old one too for 23h  1d   due in 89d      never
  ${third}  client-secret  revoked: leaked                  91d
  ${third}  client-secret  expired                          91d                  1d ago
`,
  )
  const { stdout } = await idp.rekey('credential', 'list', agentId, '--json')
  assert.deepEqual(JSON.parse(stdout), { credentials: [overdue, overlapping, leaked, late] })
})

test('credential list passes the status on', async () => {
  assert.equal((await idp.rekey('credential', 'list', agentId, '--status', 'revoked')).stdout, '  none\n')
})

test('credential expiring tells which, whose, and when, and first of all which did so and are missed', async () => {
  const options = ['--within', '30d', '--environment', 'staging', '--limit', '1']
  assert.equal(
    (await idp.rekey('credential', 'expiring', ...options)).stdout,
    `Expired within the last 7 days, and their agents have none that works:
  CREDENTIAL                            AGENT                                 EXPIRES  ENVIRONMENT  KIND           OWNER
  ${third}  ${agentId}  2d ago   staging      client-secret
  and more: these are 1; --limit asks for more of them
  and 3 of other organizations, which are theirs to see and to rotate

  CREDENTIAL                            AGENT    EXPIRES  ENVIRONMENT  KIND           OWNER
  ${first}  billing  in 20d   staging      client-secret  team-money
  and more: these are 1; --limit asks for more of them
`,
  )
  assert.equal(
    (await idp.rekey('credential', 'expiring')).stdout,
    'No credential expires soon.\n  and 2 of other organizations, which are theirs to see and to rotate\n',
  )
  const { expired, total } = JSON.parse((await idp.rekey('credential', 'expiring', ...options, '--json')).stdout)
  assert.deepEqual([expired.total, expired.credentials[0].credentialId, total], [2, third, 2])
  for (const wrong of [
    ['--within', 'soon'],
    ['--environment', 'moon'],
  ]) {
    assert.equal((await idp.rekey('credential', 'expiring', ...wrong)).code, 2)
  }
})

test('credential show tells who still uses which version, and does not call one unused that was not seen', async () => {
  assert.equal(
    (await idp.rekey('credential', 'show', agentId, second)).stdout,
    `Credential  ${second}
Agent       ${agentId}
Kind        client-secret
Status      active, the old one too for 23h
Created     100d ago
Rotated     1d ago
Rotation    due in 89d

Versions
  VERSION  STATE     FOR  LAST USED  USES
  v-3f2a   retiring  1d   5s ago     120
  v-9c1d   active    1d   not seen
  retire: waiting for the overlap to end; opens by itself at 12:01

Used from
  ADDRESS      VERSION  FIRST    LAST    USES
  10.0.0.7     v-3f2a   80d ago  5s ago  100
  2001:db8::1  v-3f2a   2d ago   1d ago  20

Uses have been recorded for 90d; nothing is known from before.
`,
  )
})

test('credential create and rotate print the secret once, on stdout alone', async () => {
  const text = `clientId      ${agentId}\ncredentialId  ${first}\nclientSecret  sk_live_1   (shown only now)\n`
  assert.deepEqual(await idp.rekey('credential', 'create', agentId), { code: 0, stdout: text, stderr: '' })
  const dead = `${text}\nThe old secret is dead on every instance.\n`
  assert.deepEqual(await idp.rekey('credential', 'rotate', agentId, first), { code: 0, stdout: dead, stderr: '' })
  const both = `${text}\nThe old secret ends on 2026-03-02 at 12:00, or earlier, when the client has gone over to the new one.\n`
  assert.equal((await idp.rekey('credential', 'rotate', agentId, second, '--overlap', '24h')).stdout, both)
  const { stdout } = await idp.rekey('credential', 'rotate', agentId, first, '--json')
  assert.deepEqual(JSON.parse(stdout), issued)
})

test('credential create and rotate send what they are told', async () => {
  await idp.rekey('credential', 'create', agentId, '--expires-at', '2027-03-31')
  assert.deepEqual(idp.requests.at(-1)?.body, { expiresAt: '2027-03-31T00:00:00.000Z' })
  const words = ['--overlap', '24h', '--expires-at', '2027-03-31T02:00:00+02:00']
  await idp.rekey('credential', 'rotate', agentId, first, ...words)
  assert.deepEqual(idp.requests.at(-1)?.body, { overlap: '24h', expiresAt: '2027-03-31T00:00:00.000Z' })
})

test('a public key goes where a secret would be made', async () => {
  const file = write('public.json', JSON.stringify(publicKey))
  answers[`POST ${credentials}`] = {
    credentialId: first,
    clientId: agentId,
    kid: 'kid-1',
    status: 'active',
    createdAt: ago(0),
  }
  const { stdout } = await idp.rekey('credential', 'create', agentId, '--jwk', file)
  answers[`POST ${credentials}`] = issued
  assert.equal(stdout, `clientId      ${agentId}\ncredentialId  ${first}\nkid           kid-1\n`)
  assert.deepEqual(idp.requests.at(-1)?.body, { kind: 'client-key', jwk: publicKey })
  await idp.rekey('credential', 'rotate', agentId, first, '--jwk', file)
  assert.deepEqual(idp.requests.at(-1)?.body, { jwk: publicKey })
})

test('a private key does not leave this machine, nor is it quoted', async () => {
  const sent = idp.requests.length
  const files = {
    'private.json': JSON.stringify({ ...publicKey, d: 'the-private-half' }),
    'private.pem': '-----BEGIN PRIVATE KEY-----\nthe-private-half',
    'list.json': '["the-private-half"]',
  }
  for (const [name, text] of Object.entries(files)) {
    const { code, stdout, stderr } = await idp.rekey(
      'credential',
      'create',
      agentId,
      '--jwk',
      write(name, text),
      '--json',
    )
    assert.equal(code, 2, name)
    assert.doesNotMatch(stdout + stderr, /the-private-half/)
  }
  assert.equal((await idp.rekey('credential', 'create', agentId, '--jwk', join(folder, 'none'))).code, 2)
  assert.equal(idp.requests.length, sent)
})

test('credential revoke sends reason and incident', async () => {
  const words = ['--reason', 'leaked', '--incident', 'INC-1']
  const { stdout } = await idp.rekey('credential', 'revoke', agentId, first, ...words)
  assert.equal(stdout, `Credential ${first} is revoked: no instance accepts it any more.\n`)
  assert.deepEqual(idp.requests.at(-1)?.body, { reason: 'leaked', incident: 'INC-1' })
})

test('credential overdue shows the credentials of all agents', async () => {
  assert.equal(
    (await idp.rekey('credential', 'overdue', '--limit', '1')).stdout,
    `  CREDENTIAL                            AGENT    KIND           AGE  OVERDUE FOR
  ${first}  billing  client-secret  91d  1d
  and more: these are 1; --limit asks for more of them
`,
  )
})

test('a credential that is not there is a failure, one that is revoked a refusal', async () => {
  const unknown = await idp.rekey('credential', 'show', agentId, third, '--json')
  assert.deepEqual([unknown.code, JSON.parse(unknown.stdout).code], [1, 'UNKNOWN_CREDENTIAL'])
  const revoked = await idp.rekey('credential', 'rotate', agentId, third, '--json')
  assert.deepEqual([revoked.code, JSON.parse(revoked.stdout).code], [4, 'CREDENTIAL_REVOKED'])
})

test('times, spans and ids that are none are wrong use, and nothing is asked for', async () => {
  const sent = idp.requests.length
  const lines = [
    ['create', agentId, '--expires-at', 'tomorrow'],
    ['create', agentId, '--expires-at', '2027-13-31'],
    ['create', agentId, '--expires-at', '2027-03-31T00:00:00'],
    ['rotate', agentId, first, '--overlap', '24'],
    ['rotate', agentId, '..'],
    ['revoke', agentId, first],
    ['list', agentId, '--status', 'old'],
    ['overdue', '--limit', '0'],
  ]
  for (const words of lines) assert.equal((await idp.rekey('credential', ...words)).code, 2, words.join(' '))
  assert.equal(idp.requests.length, sent)
})

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
