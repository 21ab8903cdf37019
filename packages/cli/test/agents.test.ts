import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect } from '@rekey/database'
import { eventually } from '@rekey/database/testing'
import { RealIdp } from './real-idp.ts'

let idp: RealIdp
before(async () => {
  // Everything that is not of staging is overdue as soon as it is there.
  idp = await RealIdp.start({ REKEY_CREDENTIAL_ROTATION_PRODUCTION: '1ms' })
})
after(() => idp.remove())

test('an agent that was created gets tokens, is found by its name, and its credential is shown without the secret', async () => {
  const words = ['--env', 'staging', '--type', 'worker', '--owner', 'team-pay', '--scope', 'reports:read']
  const created = await idp.json('agent', 'create', 'billing', ...words)
  assert.deepEqual(Object.keys(created), ['clientId', 'clientSecret', 'agentId'])
  assert.equal(await idp.token(created), 200)
  const shown = await idp.json('agent', 'show', 'billing')
  const { agentId, name, deploymentEnv, agentType, owner, scopes, status } = shown
  assert.deepEqual(
    { agentId, name, deploymentEnv, agentType, owner, scopes, status },
    {
      agentId: created.agentId,
      name: 'billing',
      deploymentEnv: 'staging',
      agentType: 'worker',
      owner: 'team-pay',
      scopes: ['reports:read'],
      status: 'active',
    },
  )
  assert.deepEqual(
    shown.credentials.map((credential: { clientId: string; status: string }) => [
      credential.clientId,
      credential.status,
    ]),
    [[created.clientId, 'active']],
  )
  const told = [await idp.rekey('agent', 'show', 'billing'), await idp.rekey('credential', 'list', 'billing')]
  assert.doesNotMatch(told.map(({ stdout }) => stdout).join(), /sk_live/)
  const listed = await idp.json('agent', 'list', '--owner', 'team-pay')
  assert.deepEqual(
    listed.agents.map((agent: { agentId: string }) => agent.agentId),
    [created.agentId],
  )
})

test('a rotated secret takes the place of the old one at once, and with an overlap beside it', async () => {
  const created = await idp.json('agent', 'create', 'reports', '--env', 'staging')
  const [{ credentialId }] = (await idp.json('credential', 'list', 'reports')).credentials
  const second = await idp.json('credential', 'rotate', 'reports', credentialId)
  assert.deepEqual([await idp.token(created), await idp.token(second)], [401, 200])
  const third = await idp.json('credential', 'rotate', 'reports', credentialId, '--overlap', '1h')
  assert.equal(third.credentialId, credentialId)
  assert.deepEqual([await idp.token(second), await idp.token(third)], [200, 200])
  const list = await idp.rekey('credential', 'list', 'reports')
  assert.match(list.stdout, /active, the old one too for (1h|59m)/)
})

test('who still uses the old secret is shown, from where and how often', async () => {
  const created = await idp.json('agent', 'create', 'used', '--env', 'staging')
  const [{ credentialId }] = (await idp.json('credential', 'list', 'used')).credentials
  await idp.json('credential', 'rotate', 'used', credentialId, '--overlap', '1h')
  for (let turn = 0; turn < 3; turn += 1) assert.equal(await idp.token(created), 200)
  const detail = () => idp.json('credential', 'show', 'used', credentialId)
  const { versions } = await eventually(detail, ({ versions: [old] }) => old.seen.count === 3)
  assert.deepEqual(
    versions.map((version: { state: string }) => version.state),
    ['retiring', 'active'],
  )
  assert.equal(versions[1].seen, 'not seen')
  const { stdout } = await idp.rekey('credential', 'show', 'used', credentialId)
  assert.match(stdout, / retiring .* ago +3\n.* active .* not seen\n/)
  assert.match(stdout, /Used from\n.*\n {2}(127\.0\.0\.1|::1) .* 3\n/)
})

test('an agent authenticates by a key of its own: its public half is handed over, and rotated', async () => {
  await idp.json('agent', 'create', 'signer', '--env', 'staging')
  const created = await idp.json('credential', 'create', 'signer', '--jwk', publicJwkFile('first'))
  assert.deepEqual([typeof created.kid, created.clientSecret], ['string', undefined])
  const rotated = await idp.json(
    'credential',
    'rotate',
    'signer',
    created.credentialId,
    '--jwk',
    publicJwkFile('second'),
  )
  assert.notEqual(rotated.kid, created.kid)
  const { stdout } = await idp.rekey('credential', 'show', 'signer', created.credentialId)
  assert.match(stdout, new RegExp(`\\n {2}${created.kid} +retiring .*\\n {2}${rotated.kid} +active .*`))
  const told = await idp.rekey('credential', 'rotate', 'signer', created.credentialId, '--jwk', publicJwkFile('third'))
  assert.match(told.stdout, /^clientId .*\ncredentialId .*\nkid .*\n\nThe old key ends /)
})

test('a reply that is lost on its way loses no secret: it is asked for again, and the secret was made once', async () => {
  await idp.json('agent', 'create', 'unlucky', '--env', 'staging')
  const [{ credentialId }] = (await idp.json('credential', 'list', 'unlucky')).credentials
  const loser = await losing(idp.url, /\/rotate$/)
  const { stdout, code } = await idp.rekeyAt(loser.url, 'credential', 'rotate', 'unlucky', credentialId, '--json')
  await loser.close()
  assert.equal(code, 0)
  assert.equal(loser.lost(), 1)
  assert.equal(await idp.token(JSON.parse(stdout)), 200)
  assert.equal((await idp.json('credential', 'show', 'unlucky', credentialId)).versions.length, 2)
})

test('a revoked credential gets nothing, and status tells when it is presented nevertheless', async () => {
  const created = await idp.json('agent', 'create', 'leaky', '--env', 'staging')
  const [{ credentialId }] = (await idp.json('credential', 'list', 'leaky')).credentials
  const words = ['--reason', 'found in a log', '--incident', 'INC-7']
  const revoked = await idp.json('credential', 'revoke', 'leaky', credentialId, ...words)
  assert.deepEqual([revoked.status, revoked.reason], ['revoked', 'found in a log'])
  assert.equal(await idp.token(created), 401)
  const attention = async () => (await idp.json('status')).attention as { what: string; command: string }[]
  const found = await eventually(attention, (all) => all.some(({ what }) => what.includes(created.agentId)))
  const worry = found.find(({ what }) => what.includes(created.agentId))
  assert.match(worry?.what ?? '', /a dead secret of agent .* was presented once from (127\.0\.0\.1|::1):/)
  const command = worry?.command.split(' ').slice(1) ?? []
  assert.equal((await idp.json(...command)).events.length, 1)
})

test('a credential that is overdue stands in status, and the command there rotates it', async () => {
  const created = await idp.json('agent', 'create', 'old', '--env', 'production')
  const attention = (await idp.json('status')).attention as { what: string; command: string }[]
  const worry = attention.find(({ what }) => /of agent old should have been rotated/.test(what))
  assert.ok(worry)
  assert.match((await idp.rekey('credential', 'overdue')).stdout, / old +client-secret /)
  const rotated = await idp.json(...worry.command.split(' ').slice(1))
  assert.deepEqual([await idp.token(created), await idp.token(rotated)], [200, 200])
})

test('a credential that expires soon stands in status with its owner, and the command there rotates it', async () => {
  const { agentId } = await idp.json('agent', 'create', 'brittle', '--env', 'staging', '--owner', 'team-glass')
  const at = new Date(Date.now() + 5 * 86_400_000).toISOString()
  const created = await idp.json('credential', 'create', agentId, '--expires-at', at)
  const worry = async () =>
    ((await idp.json('status')).attention as { what: string; command: string }[]).find(({ what }) =>
      what.startsWith(`credential ${created.credentialId} of agent brittle (owner team-glass) expires in `),
    )
  const found = await worry()
  assert.ok(found)
  assert.match(
    (await idp.rekey('credential', 'expiring')).stdout,
    / brittle +in \d+d +staging +client-secret +team-glass$/m,
  )
  const later = new Date(Date.now() + 90 * 86_400_000).toISOString()
  const rotated = await idp.json(...found.command.split(' ').slice(1), '--expires-at', later)
  assert.deepEqual([await idp.token(created), await idp.token(rotated)], [200, 200])
  assert.equal(await worry(), undefined)
})

test('a credential that expired and is missed stands in status until the command there has given another one', async () => {
  const { agentId } = await idp.json('agent', 'create', 'broken', '--env', 'staging', '--owner', 'team-glass')
  const owner = connect(idp.database.ownerUrl, { max: 1 })
  await owner.pool.query(`UPDATE credentials SET expires_at = now() - interval '1 hour' WHERE agent_id = $1`, [agentId])
  await owner.close()
  const worry = async () =>
    ((await idp.json('status')).attention as { what: string; command: string }[]).find(({ what }) =>
      /^credential \S+ of agent broken \(owner team-glass\) expired 1h ago, and the agent has none that works$/.test(
        what,
      ),
    )
  const found = await worry()
  assert.ok(found)
  assert.match((await idp.rekey('credential', 'expiring')).stdout, /^Expired .*:\n.*\n.* broken +1h ago /)
  assert.equal(await idp.token(await idp.json(...found.command.split(' ').slice(1))), 200)
  assert.equal(await worry(), undefined)
})

test('a suspended agent gets nothing until it is reactivated, a decommissioned one never again', async () => {
  const created = await idp.json('agent', 'create', 'brief', '--env', 'staging')
  assert.equal((await idp.json('agent', 'suspend', 'brief', '--reason', 'on holiday')).status, 'suspended')
  assert.equal(await idp.token(created), 401)
  assert.equal((await idp.json('agent', 'reactivate', 'brief')).status, 'active')
  assert.equal(await idp.token(created), 200)
  assert.equal((await idp.json('agent', 'decommission', 'brief', '--reason', 'replaced')).status, 'decommissioned')
  assert.equal(await idp.token(created), 401)
  const { code, stdout } = await idp.rekey('agent', 'reactivate', 'brief', '--json')
  assert.deepEqual([code, JSON.parse(stdout).code], [4, 'AGENT_DECOMMISSIONED'])
  const list = await idp.json('credential', 'list', 'brief', '--status', 'revoked')
  assert.equal(list.credentials.length, 1)
})

test('what a person gets wrong ends with the code of its kind', async () => {
  await idp.json('agent', 'create', 'twin', '--env', 'staging')
  await idp.json('agent', 'create', 'twin', '--env', 'staging')
  const cases = [
    [['agent', 'show', 'twin'], 2, 'AMBIGUOUS_NAME'],
    [['agent', 'show', 'nobody'], 1, 'UNKNOWN_AGENT'],
    [['agent', 'show', '..'], 1, 'UNKNOWN_AGENT'],
    [['agent', 'show', 'n'.repeat(150)], 1, 'UNKNOWN_AGENT'],
    [['credential', 'show', 'billing', 'none'], 1, 'UNKNOWN_CREDENTIAL'],
    [['credential', 'create', 'billing', '--expires-at', '2001-01-01'], 1, 'INVALID_REQUEST'],
    [['audit', 'proof', '5b0f8d2e-3c7b-4a44-9a0e-6f0f7f3f1a01'], 1, 'UNKNOWN_EVENT'],
  ] as const
  for (const [words, code, reason] of cases) {
    const ran = await idp.rekey(...words, '--json')
    assert.deepEqual([ran.code, JSON.parse(ran.stdout).code], [code, reason], words.join(' '))
  }
})

test('an administrator who may only read keyrings sees their status, and what is missing in it', async () => {
  const words = ['--scope', 'keyrings:read', '--env', 'staging']
  const { clientId, clientSecret } = await idp.json('agent', 'create', 'watcher', ...words)
  const { code, stderr } = await idp.rekeyAs({ clientId, clientSecret }, 'status', '--json')
  assert.equal(code, 0)
  assert.match(stderr, /Overdue credentials are not looked at.*\nThe audit is not looked at/)
})

function publicJwkFile(name: string): string {
  const file = join(idp.folder, `${name}.json`)
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  writeFileSync(file, JSON.stringify(publicKey.export({ format: 'jwk' })))
  return file
}

/** Stands before the IdP, hands everything on, and loses the first reply to a path. */
async function losing(to: string, path: RegExp) {
  let lost = 0
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray()
    const { authorization = '', 'content-type': type = '', 'idempotency-key': key } = request.headers
    const headers = { authorization, 'content-type': type, ...(key ? { 'idempotency-key': key.toString() } : {}) }
    const { method = '', url = '' } = request
    const init =
      method === 'GET' ? { method, headers: { authorization } } : { method, headers, body: Buffer.concat(chunks) }
    const reply = await fetch(to + url, init)
    const body = await reply.text()
    if (path.test(url) && lost === 0) {
      lost += 1
      request.socket.destroy()
    } else response.writeHead(reply.status, { 'content-type': 'application/json' }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  return {
    url,
    lost: () => lost,
    async close() {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
}
