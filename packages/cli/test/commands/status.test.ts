import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chainIntegrity } from '../../src/client/integrity.ts'
import { playIdp, Refusal } from '../idp.ts'
import { before } from '../keyring.ts'

const dayAgo = before(86_400_000)
const tripwires = `GET /audit?action=credential.tripwire&from=${encodeURIComponent(dayAgo)}&limit=200`
const replays = tripwires.replace('credential.tripwire', 'registration_token.replayed')
const overdue = { credentialId: 'c-1', agentId: 'a-1', kind: 'client-secret', rotatedAt: dayAgo, overdueSince: dayAgo }
const tripped = {
  seq: 9,
  id: 'e-9',
  at: before(3_600_000),
  action: 'credential.tripwire',
  outcome: 'refused',
  actor: 'a-1',
  agentId: 'a-1',
  details: { credentialId: 'c-1', address: '10.0.0.7', count: 1 },
}
const answers = {
  'GET /keyrings': { keyrings: [] },
  'GET /verifiers': { verifiers: [] },
  'GET /credentials?due=overdue&limit=50': { credentials: [overdue], nextCursor: null, total: 1 },
  'GET /incidents': { incidents: [] },
  [tripwires]: { events: [tripped], nextCursor: null },
  [replays]: { events: [], nextCursor: null },
  'GET /metrics': '# TYPE agentidp_audit_chain_integrity gauge\nagentidp_audit_chain_integrity 0\n',
}

test('status tells of overdue credentials, dead secrets that are presented, and a chain that is broken', async () => {
  const idp = await playIdp(answers)
  const { code, stdout, stderr } = await idp.rekey('status')
  await idp.close()
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(idp.scopes, ['keyrings:read agents:read audit:read webhooks:read incidents:write'])
  assert.match(
    stdout,
    /Attention\n {2}! credential c-1 of agent a-1 should have been rotated \(for 1d\)\n {4}rekey credential rotate a-1 c-1 --overlap 24h\n {2}! a dead secret .* \(for 1h\)\n {4}rekey audit list .*\n {2}! the audit is not whole.*\n {4}rekey audit verify\n$/,
  )
})

test('status tells of a broken audit of the backend for frontend, and of one whose checkpoints are kept nowhere', async () => {
  const idp = await playIdp({ ...answers, 'GET /metrics': 'agentidp_audit_chain_integrity 1\n' })
  const gauges = [
    'agentidp_audit_chain_integrity 0',
    'rekey_audit_oldest_waiting_seconds 0',
    'rekey_audit_verified_age_seconds 5',
    'rekey_audit_checkpoint_kept_age_seconds +Inf',
  ]
  const bff = await playIdp({
    'GET /internal/keyrings': { keyrings: [] },
    'GET /internal/instances': { instances: [] },
    'GET /metrics': `${gauges.join('\n')}\n`,
  })
  const { code, stdout } = await idp.rekey('status', '--json', '--bff', bff.url)
  const plain = await idp.rekey('status', '--json')
  await Promise.all([idp.close(), bff.close()])
  assert.equal(code, 0)
  const { attention, audit, bffAudit } = JSON.parse(stdout)
  assert.deepEqual([audit.integrity, bffAudit.integrity], [true, false])
  const told = attention.filter(({ what }: { what: string }) => what.includes('backend for frontend'))
  assert.deepEqual(
    told.map(({ what, command }: { what: string; command: string }) => [what.split(':')[0], command]),
    [
      ['the audit of the backend for frontend is not whole', 'rekey audit verify --bff'],
      [
        'no checkpoint of the audit of the backend for frontend is kept outside the database',
        'rekey audit export FILE --bff',
      ],
    ],
  )
  assert.equal('bffAudit' in JSON.parse(plain.stdout), false)
})

test('status tells of registration access tokens that are presented after they were replaced', async () => {
  const replayed = { ...tripped, action: 'registration_token.replayed', details: { address: '10.0.0.8', count: 2 } }
  const events = [replayed, { ...replayed, agentId: 'a-2', actor: 'a-2' }]
  const idp = await playIdp({ ...answers, [replays]: { events, nextCursor: null } })
  const { attention } = JSON.parse((await idp.rekey('status', '--json')).stdout)
  await idp.close()
  const told = attention.filter(({ what }: { what: string }) => what.startsWith('a registration access token that was'))
  assert.deepEqual(
    told.map(({ command }: { command: string }) => command),
    ['a-1', 'a-2'].map((id) => `rekey audit list --action registration_token.replayed --agent ${id}`),
  )
  assert.match(told[0].what, / of agent a-1 was presented 2 times from 10\.0\.0\.8: it leaked/)
})

test('a client that may not read agents, the audit or incidents sees the rest, and is told what it does not see', async () => {
  const refusal = new Refusal(403, 'INSUFFICIENT_SCOPE', 'this needs another scope')
  const refused = ['GET /credentials?due=overdue&limit=50', 'GET /incidents', tripwires]
  const idp = await playIdp({ ...answers, ...Object.fromEntries(refused.map((line) => [line, refusal])) })
  const { code, stdout, stderr } = await idp.rekey('status', '--json')
  await idp.close()
  assert.equal(code, 0)
  assert.deepEqual(Object.keys(JSON.parse(stdout)), ['keyrings', 'verifiers', 'attention'])
  assert.match(
    stderr,
    /Overdue credentials are not looked at: this client may not have agents:read\.\nThe audit is not.*\nIncidents are not/,
  )
})

test('any other failure to read them is a failure: silence would pass for health', async () => {
  const idp = await playIdp({ ...answers, [tripwires]: new Refusal(500, 'INTERNAL', 'an unforeseen error') })
  assert.equal((await idp.rekey('status')).code, 1)
  await idp.close()
})

test('the chain is whole when an instance says so and none denies it; nobody has to say anything', async () => {
  const [whole, broken, silent] = [await play('{a="b"} 1'), await play(' 0'), await playIdp()]
  const of = (...idps: { url: string }[]) =>
    chainIntegrity(
      fetch,
      idps.map(({ url }) => url),
    )
  assert.deepEqual(await of(whole, silent), { integrity: true })
  assert.deepEqual(await of(whole, broken), { integrity: false })
  const since = (seconds: number) => play(` 0\nrekey_audit_chain_broken_timestamp_seconds ${seconds}`)
  const [later, earlier] = [await since(1_772_366_400.5), await since(1_772_366_300)]
  assert.deepEqual(await of(later, broken, earlier, whole), {
    integrity: false,
    brokenSince: '2026-03-01T11:58:20.000Z',
  })
  const behind = (waiting: number, verified: number, kept: string) =>
    play(
      ` 1\nrekey_audit_oldest_waiting_seconds ${waiting}\nrekey_audit_verified_age_seconds ${verified}\nrekey_audit_checkpoint_kept_age_seconds ${kept}`,
    )
  const [slow, nowhere] = [await behind(61.5, 3, '0'), await behind(0, 4, '+Inf')]
  assert.deepEqual(await of(slow, whole), { integrity: true, behind: { waiting: 61.5, verified: 3, kept: 0 } })
  assert.deepEqual(await of(slow, nowhere), {
    integrity: true,
    behind: { waiting: 61.5, verified: 4, kept: Number.POSITIVE_INFINITY },
  })
  await Promise.all([slow.close(), nowhere.close()])
  await Promise.all([later.close(), earlier.close()])
  assert.deepEqual(await of(silent), {})
  await silent.close()
  assert.deepEqual(await of(silent, whole), { integrity: true })
  assert.deepEqual(await of(silent), {})
  await Promise.all([whole.close(), broken.close()])
})

function play(rest: string) {
  return playIdp({ 'GET /metrics': `agentidp_audit_chain_integrity${rest}\n` })
}
