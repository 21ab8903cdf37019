import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readTargets } from '@rekey/breakglass'
import { concerned } from '../../src/break-glass/provider.ts'
import { homeOf } from '../../src/estate/home.ts'
import { apiParts, bffParts, idpParts, urlAt } from '../../src/estate/parts.ts'
import { portsOf } from '../../src/estate/ports.ts'
import { temporaryFolder } from '../folder.ts'
import { shellWith } from '../shell.ts'

const credential = { clientId: 'id', clientSecret: 'secret' }
const user = { username: 'admin', password: 'password' }
const clients = {
  admin: credential,
  agent: credential,
  verifiers: [credential, credential] as [never, never],
  user,
  bff: { clientId: 'asks', clientSecret: 'secret of the BFF' },
}
const env = { DATABASE_DIRECT_URL: 'postgres://shell' }
const plan = { home: homeOf({}, '/srv/app'), ports: portsOf({}), clients, env }
const urls = { serviceUrl: 'postgres://service', ownerUrl: 'postgres://owner' }

function databaseVariables(variables: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => name.startsWith('DATABASE_')))
}

test('an IdP on the embedded database is not told of another one that the shell names', () => {
  assert.deepEqual(databaseVariables(idpParts(plan, urls)[0]?.env), { DATABASE_URL: 'postgres://service' })
})

test('an IdP behind a pooler is told the direct way too, and never the owner’s', () => {
  assert.deepEqual(databaseVariables(idpParts(plan, { ...urls, directUrl: 'postgres://direct' })[0]?.env), {
    DATABASE_URL: 'postgres://service',
    DATABASE_DIRECT_URL: 'postgres://direct',
  })
})

test('several instances are one issuer, each with a port and a log of its own', () => {
  const parts = idpParts({ ...plan, ports: portsOf({}, { idps: 3 }) }, urls)
  assert.deepEqual(
    parts.map(({ name, url, logFile, env }) => [name, url, logFile, env.REKEY_PORT, env.REKEY_ISSUER]),
    [
      ['idp', 'http://localhost:8002', '/srv/app/.rekey/logs/idp.log', '8002', 'http://localhost:8002'],
      ['idp-2', 'http://localhost:8003', '/srv/app/.rekey/logs/idp-2.log', '8003', 'http://localhost:8002'],
      ['idp-3', 'http://localhost:8004', '/srv/app/.rekey/logs/idp-3.log', '8004', 'http://localhost:8002'],
    ],
  )
  const journals = new Set(parts.map((part) => part.env.REKEY_REVOCATION_JOURNAL))
  assert.deepEqual([...journals], ['/srv/app/.rekey/revocations.jsonl'])
})

test('each API begins with another instance and knows them all', () => {
  const trust = apiParts({ ...plan, ports: portsOf({}, { idps: 2 }) }).map((part) => part.env.REKEY_TRUST_URLS)
  assert.deepEqual(trust, [
    'http://localhost:8002,http://localhost:8003',
    'http://localhost:8003,http://localhost:8002',
  ])
  const alone = apiParts(plan).map((part) => part.env.REKEY_TRUST_URLS)
  assert.deepEqual(alone, ['http://localhost:8002', 'http://localhost:8002'])
})

test('each instance keeps checkpoints of the audit outside of the database, in the home unless the shell says where', () => {
  const kept = (env: Record<string, string>) =>
    idpParts({ ...plan, ports: portsOf({}, { idps: 2 }), env }, urls).map((part) => part.env.REKEY_AUDIT_CHECKPOINTS)
  assert.deepEqual(kept({}), ['/srv/app/.rekey/audit-checkpoints', '/srv/app/.rekey/audit-checkpoints-2'])
  assert.deepEqual(kept({ REKEY_AUDIT_CHECKPOINTS: '/mnt/audit' }), ['/mnt/audit', '/mnt/audit-2'])
  assert.deepEqual(kept({ REKEY_AUDIT_CHECKPOINTS: '' }), ['', ''])
})

test('an instance knows the APIs of the estate, and the key that evidence is signed by, unless the shell names others', () => {
  const told = (env: Record<string, string>) => {
    const { REKEY_APIS, REKEY_EVIDENCE_KEY } = idpParts({ ...plan, env }, urls)[0]?.env ?? {}
    return [REKEY_APIS, REKEY_EVIDENCE_KEY]
  }
  const feed = 'library=@rekey/verifier-feed'
  const own = `http://localhost:8081 ${feed},http://localhost:8082 ${feed}`
  assert.deepEqual(told({}), [own, 'file:/srv/app/.rekey/evidence.key'])
  assert.deepEqual(told({ REKEY_APIS: 'https://a', REKEY_EVIDENCE_KEY: 'file:/run/e' }), ['https://a', 'file:/run/e'])
  const secret = { INTERNAL_JWKS_REFRESH_TOKEN_FILE: '/run/secrets/refresh' }
  const variables = [...idpParts({ ...plan, env: secret }, urls), ...apiParts({ ...plan, env: secret })]
  for (const { env } of variables) assert.equal(env.INTERNAL_JWKS_REFRESH_TOKEN_FILE, '/run/secrets/refresh')
})

test('an instance knows the APIs of the estate as the commands do: either goes on with an incident of the other', async () => {
  const REKEY_HOME = temporaryFolder()
  const apis = plan.ports.apis.map(urlAt)
  const estate = { idp: urlAt(plan.ports.idps[0]), apis, admin: credential }
  writeFileSync(join(REKEY_HOME, 'estate.json'), JSON.stringify(estate))
  const { apis: own, known } = await concerned(shellWith({ REKEY_HOME }), undefined)
  assert.deepEqual(
    own.map(({ url, library }) => [url, library]),
    apis.map((url) => [url, '@rekey/verifier-feed']),
  )
  assert.deepEqual(known, own)
  assert.deepEqual(readTargets(idpParts(plan, urls)[0]?.env.REKEY_APIS ?? ''), own)
})

test('a key that stands in the environment itself is refused, and not repeated', () => {
  const env = { REKEY_EVIDENCE_KEY: 'hunter2' }
  assert.throws(
    () => idpParts({ ...plan, env }, urls),
    (error: Error) => !error.message.includes('hunter2'),
  )
})

test('a backend for frontend is told of its own database, files and secrets, and nobody else is', () => {
  const [part] = bffParts(plan, { ...urls, serviceUrl: 'postgres://bff' }, false)
  const { env: told } = part ?? assert.fail('none')
  assert.deepEqual(databaseVariables(told), { DATABASE_URL: 'postgres://bff' })
  const { REKEY_BFF_URL, REKEY_PORT, REKEY_ROOT_KEY, DCR_IAT } = told
  const { INTROSPECTION_CLIENT_ID: asks, INTROSPECTION_CLIENT_SECRET: secret } = told
  assert.deepEqual([REKEY_BFF_URL, REKEY_PORT, REKEY_ROOT_KEY], ['http://localhost:8000', '8000', bffFile('root.key')])
  assert.deepEqual([asks, secret, DCR_IAT], ['asks', bffFile('client.secret'), undefined])
  for (const { env: others } of [...idpParts(plan, urls), ...apiParts(plan)]) {
    assert.equal(
      Object.keys(others).some((name) => /^(BFF|INTROSPECTION|DCR|TOKEN_HASH)_/.test(name)),
      false,
    )
    // What the IdP has sessions ended by is known to both.
    const files = Object.values(others).filter((value) => value.includes('/.rekey/bff/'))
    assert.deepEqual(
      files.filter((file) => file !== '/srv/app/.rekey/bff/admin.token'),
      [],
    )
  }
  assert.equal(
    Object.values(told).some((value) => value.includes('/.rekey/root.key')),
    false,
  )
})

test('its initial access token is named while it is not registered', () => {
  assert.equal(bffParts(plan, urls, true)[0]?.env.DCR_IAT, bffFile('initial-access.token'))
})

test('its instances have one address, one key, one journal and a port, a log and checkpoints each', () => {
  const ports = portsOf({}, { bffs: 2 })
  const parts = bffParts({ ...plan, ports, env: { REKEY_BFF_URL: 'https://app.example' } }, urls, false)
  const seen = parts.map(({ name, url, env: { REKEY_BFF_URL, REKEY_PORT, BFF_KEYS_DIR, REKEY_AUDIT_CHECKPOINTS } }) => {
    return [name, url, REKEY_BFF_URL, REKEY_PORT, BFF_KEYS_DIR, REKEY_AUDIT_CHECKPOINTS]
  })
  const [keys, checkpoints] = ['/srv/app/.rekey/bff/keys', '/srv/app/.rekey/bff/audit-checkpoints']
  assert.deepEqual(seen, [
    ['bff', 'http://localhost:8000', 'https://app.example', '8000', keys, checkpoints],
    ['bff-2', 'http://localhost:8010', 'https://app.example', '8010', keys, `${checkpoints}-2`],
  ])
  const journals = new Set(parts.map((part) => part.env.REKEY_REVOCATION_JOURNAL))
  assert.deepEqual([...journals], ['/srv/app/.rekey/bff/revocations.jsonl'])
})

function bffFile(name: string): string {
  return `file:/srv/app/.rekey/bff/${name}`
}
