import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { playIdp, Refusal } from '../idp.ts'
import { before as ago } from '../keyring.ts'

const dayMs = 86_400_000
const [billingId, otherId] = ['5b0f8d2e-3c7b-4a44-9a0e-6f0f7f3f1a01', '9d2c9f2c-1f7e-4d0e-8a67-3d6f6f2b7b02']
const credentialId = 'c4e1b1f0-9f5f-4b6a-8d51-2f7a1d0c9e03'
const billing = {
  agentId: billingId,
  organizationId: 'default',
  name: 'billing',
  agentType: 'worker',
  owner: 'team-pay',
  deploymentEnv: 'production',
  capabilities: [],
  scopes: ['reports:read', 'reports:write'],
  status: 'active',
  createdAt: ago(100 * dayMs),
}
const credential = {
  credentialId,
  clientId: billingId,
  kind: 'client-secret',
  status: 'active',
  createdAt: ago(100 * dayMs),
  rotatedAt: ago(91 * dayMs),
  rotateBy: ago(dayMs),
}
const twin = { ...billing, agentId: otherId, name: 'twin' }
const gone = { ...billing, agentId: otherId, name: 'heir', status: 'decommissioned' }
const named = (name: string, ...agents: object[]) => ({
  [`GET /agents?name=${name}&limit=200`]: { agents, nextCursor: null },
})

let idp: Awaited<ReturnType<typeof playIdp>>
before(async () => {
  idp = await playIdp({
    'POST /agents': billing,
    [`POST /agents/${billingId}/credentials`]: { credentialId, clientId: billingId, clientSecret: 'sk_live_1' },
    [`GET /agents/${billingId}`]: billing,
    [`GET /agents/${billingId}/credentials?limit=200`]: { credentials: [credential], nextCursor: null },
    ...named('billing', billing),
    ...named('twin', twin, { ...twin, agentId: billingId }),
    ...named('heir', gone, { ...billing, name: 'heir' }),
    ...named('gone', { ...gone, name: 'gone' }),
    ...named('Billing', billing),
    ...named('nobody'),
    ...named('..'),
    'GET /agents?limit=2': { agents: [billing], nextCursor: 'next' },
    'GET /agents?limit=1&cursor=next': { agents: [twin], nextCursor: 'more' },
    'GET /agents?status=suspended&deploymentEnv=staging&agentType=job&owner=me&limit=50': {
      agents: [],
      nextCursor: null,
    },
    'GET /agents/elsewhere': new Refusal(403, 'FORBIDDEN', 'the agent is not of your organization'),
    [`GET /agents/${'n'.repeat(150)}`]: new Refusal(400, 'INVALID_REQUEST', 'a part of the path is too long'),
    ...named('n'.repeat(150), { ...billing, name: 'n'.repeat(150) }),
    [`POST /agents/${billingId}/suspend`]: { ...billing, status: 'suspended' },
    [`POST /agents/${billingId}/reactivate`]: billing,
    [`POST /agents/${billingId}/decommission`]: new Refusal(409, 'AGENT_DECOMMISSIONED', 'the agent is decommissioned'),
  })
})
after(() => idp.close())

test('agent create sends what is said of it, by a key each, and shows the secret', async () => {
  const words = ['--env', 'production', '--type', 'worker', '--owner', 'team-pay', '--scope', 'a', '--scope', 'b']
  const { code, stdout } = await idp.rekey('agent', 'create', 'billing', ...words)
  assert.equal(code, 0)
  assert.equal(stdout, `clientId      ${billingId}\nclientSecret  sk_live_1   (shown only now)\n`)
  const [agent, secret] = idp.requests.slice(-2)
  const described = { name: 'billing', deploymentEnv: 'production', agentType: 'worker', owner: 'team-pay' }
  assert.deepEqual(agent?.body, { ...described, scopes: ['a', 'b'] })
  assert.ok(agent?.key && secret?.key && agent.key !== secret.key)
})

test('agent create --json prints id, secret and agent, and nothing else', async () => {
  const { stdout, stderr } = await idp.rekey('agent', 'create', 'billing', '--json')
  assert.deepEqual(JSON.parse(stdout), { clientId: billingId, clientSecret: 'sk_live_1', agentId: billingId })
  assert.equal(stderr, '')
})

test('whoever grants a scope for management asks for a token that has it', async () => {
  await idp.rekey('agent', 'create', 'billing', '--scope', 'audit:read', '--scope', 'a', '--scope', 'agents:write')
  // For the agent, and for its secret; a token that is held is used again.
  assert.equal(idp.scopes.at(-1), 'agents:write audit:read')
})

test('agent show tells what it is and its credentials', async () => {
  assert.equal(
    (await idp.rekey('agent', 'show', 'billing')).stdout,
    `Agent         ${billingId}
Name          billing
Status        active
Organization  default
Type          worker
Environment   production
Owner         team-pay
Scopes        reports:read reports:write
Created       100d ago

Credentials
  CREDENTIAL                            KIND           STATUS  AGE  ROTATION        EXPIRES
  ${credentialId}  client-secret  active  91d  overdue for 1d  never
`,
  )
  const { stdout } = await idp.rekey('agent', 'show', billingId, '--json')
  assert.deepEqual(JSON.parse(stdout), { ...billing, credentials: [credential] })
})

test('agent list reads as many pages as it takes, and says that there are more', async () => {
  assert.equal(
    (await idp.rekey('agent', 'list', '--limit', '2')).stdout,
    `  AGENT                                 NAME     STATUS  TYPE    ENV         OWNER     AGE
  ${billingId}  billing  active  worker  production  team-pay  100d
  ${otherId}  twin     active  worker  production  team-pay  100d
  and more: these are 2; --limit asks for more of them
`,
  )
  const { stdout } = await idp.rekey('agent', 'list', '--limit', '2', '--json')
  assert.deepEqual(JSON.parse(stdout), { agents: [billing, twin], nextCursor: 'more' })
})

test('agent list passes its filters on, and says when nothing fits', async () => {
  const words = ['--status', 'suspended', '--env', 'staging', '--type', 'job', '--owner', 'me']
  assert.deepEqual(await idp.rekey('agent', 'list', ...words), {
    code: 0,
    stdout: 'There is no such agent.\n',
    stderr: '',
  })
})

test('an agent is meant by its name, if one has it', async () => {
  for (const name of ['billing', billingId, 'n'.repeat(150)]) {
    const { code, stdout } = await idp.rekey('agent', 'suspend', name, '--reason', 'on holiday')
    assert.equal(code, 0, name)
    assert.match(stdout, / is suspended: /)
    assert.deepEqual(idp.requests.at(-1)?.line, `POST /agents/${billingId}/suspend`)
    assert.deepEqual(idp.requests.at(-1)?.body, { reason: 'on holiday' })
  }
})

test('a name that several have is wrong use, and all who have it are named', async () => {
  const { code, stdout, stderr } = await idp.rekey('agent', 'suspend', 'twin', '--json')
  assert.equal(code, 2)
  assert.deepEqual(JSON.parse(stdout).agentIds, [otherId, billingId])
  assert.equal(JSON.parse(stdout).code, 'AMBIGUOUS_NAME')
  assert.match(stderr, new RegExp(`2 agents have the name twin.*\n  ${otherId}\n  ${billingId}`))
})

test('a decommissioned agent does not stand in the way of the one that has its name now', async () => {
  assert.equal((await idp.rekey('agent', 'reactivate', 'heir')).code, 0)
  assert.equal(idp.requests.at(-1)?.line, `POST /agents/${billingId}/reactivate`)
  assert.equal(JSON.parse((await idp.rekey('agent', 'show', 'gone', '--json')).stdout).code, 'NOT_FOUND')
  assert.equal(idp.requests.at(-1)?.line, `GET /agents/${otherId}/credentials?limit=200`)
})

test('an agent that is not there is a failure, also where the name only looks alike or the path leads elsewhere', async () => {
  for (const name of ['nobody', 'Billing', '..']) {
    const { code, stdout } = await idp.rekey('agent', 'show', name, '--json')
    assert.equal(code, 1, name)
    assert.equal(JSON.parse(stdout).code, 'UNKNOWN_AGENT')
    assert.match(JSON.parse(stdout).message, /rekey agent list/)
  }
})

test('an agent of another organization is refused with 4, and not looked for by name', async () => {
  const { code, stdout } = await idp.rekey('agent', 'suspend', 'elsewhere', '--json')
  assert.equal(code, 4)
  assert.equal(JSON.parse(stdout).code, 'FORBIDDEN')
  assert.equal(idp.requests.at(-1)?.line, 'GET /agents/elsewhere')
})

test('a change that the estate refuses ends with 4 and its reason', async () => {
  const { code, stderr } = await idp.rekey('agent', 'decommission', 'billing')
  assert.equal(code, 4)
  assert.equal(
    stderr,
    `rekey: agent ${billingId} is not decommissioned: the agent is decommissioned (AGENT_DECOMMISSIONED)\n`,
  )
})

test('what an agent calls itself does not move the cursor of who lists it', async () => {
  const sly = { ...billing, name: 'bill\u001b[2Jing' }
  const other = await playIdp({ 'GET /agents?limit=50': { agents: [sly], nextCursor: null } })
  assert.match((await other.rekey('agent', 'list')).stdout, / billing {2}active /)
  await other.close()
})
