import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { playIdp } from '../idp.ts'
import { keyring, version } from '../keyring.ts'

interface Check {
  name: string
  ok: boolean
  tried: boolean
  detail: string
}

const client = { ...keyring([version('k2', 'active')]), name: 'bff-client', kind: 'client-key' }
const to = (address: string) => (response: ServerResponse) => response.writeHead(302, { location: address }).end()
const status = (code: number) => (response: ServerResponse) => response.writeHead(code).end('{}')
const byToken = (response: ServerResponse) =>
  response.writeHead(response.req.headers.authorization === 'Bearer t' ? 200 : 401).end('{}')
const good = {
  'GET /.well-known/jwks.json': { keys: [{ kid: 'k1' }, { kid: 'k2' }] },
  'GET /internal/keyrings/bff-client': client,
  'GET /bearer/hello': byToken,
}

/** Verifies a backend that answers so, beside an IdP that describes itself. */
async function verified(answers: Record<string, unknown>, atIdp: Record<string, unknown> = {}) {
  const bff = await playIdp(answers)
  const idp = await playIdp({
    'GET /.well-known/openid-configuration': (response: ServerResponse) =>
      response.end(JSON.stringify({ issuer: `http://${response.req.headers.host}` })),
    ...atIdp,
  })
  try {
    const { code, stdout } = await idp.rekey('verify', '--bff', bff.url, '--json')
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] }
    return { code, ok, check: (name: string) => checks.find((found) => found.name === name) }
  } finally {
    await bff.close()
    await idp.close()
  }
}

test('at another identity provider it says what it cannot try, and that is no failure', async (t) => {
  const foreign = await playIdp({ 'GET /authorize?client_id=app': '<h1>Log in</h1>' })
  t.after(foreign.close)
  const login = { 'GET /auth/login?return_to=/': to(`${foreign.url}/authorize?client_id=app`) }
  const { code, ok, check } = await verified({ ...good, ...login })
  assert.deepEqual([code, ok], [0, true])
  assert.deepEqual([check('login')?.ok, check('jwks')?.ok, check('bearer-call')?.ok], [true, true, true])
  for (const name of ['callback', 'private_key_jwt', 'session', 'session-call', 'csrf', 'logout']) {
    assert.deepEqual([check(name)?.ok, check(name)?.tried], [false, false], name)
  }
  assert.match(check('callback')?.detail ?? '', /are not Rekey’s/)
})

test('each thing that is not as it has to be is named, and the rest is looked at all the same', async () => {
  const jwks = { 'GET /.well-known/jwks.json': { keys: [{ kid: 'k1' }] } }
  const { code, ok, check } = await verified({ ...good, ...jwks, 'GET /bearer/hello': status(200) })
  assert.deepEqual([code, ok], [1, false])
  assert.match(check('jwks')?.detail ?? '', /k2 signs; published: k1/)
  assert.match(check('login')?.detail ?? '', /\(404\), and asked for nothing/)
  assert.match(check('bearer-call')?.detail ?? '', /answered 200 to a token that is none/)
  assert.equal(check('discovery')?.ok, true)
})

test('a private key that is published, and an issuer of another name, are failures', async () => {
  const jwks = { 'GET /.well-known/jwks.json': { keys: [{ kid: 'k2', d: 'secret' }] } }
  const metadata = { 'GET /.well-known/openid-configuration': { issuer: 'https://elsewhere.example' } }
  const { code, check } = await verified({ ...good, ...jwks }, metadata)
  assert.equal(code, 1)
  assert.equal(check('jwks')?.detail, 'a private key is published')
  assert.match(check('discovery')?.detail ?? '', /calls itself https:\/\/elsewhere\.example/)
})

test('a backend that is not there is a failure of all that was tried', async () => {
  const gone = await playIdp()
  await gone.close()
  const idp = await playIdp({})
  const { code, stdout, stderr } = await idp.rekey('verify', '--bff', gone.url)
  await idp.close()
  assert.equal(code, 1)
  assert.match(stdout, /✗ {2}login +http:\/\/127\.0\.0\.1:\d+ cannot be reached/)
  assert.match(stdout, /– {2}callback +nobody got to the identity provider/)
  assert.match(stderr, /not as it has to be: discovery, jwks, login, bearer-call/)
})
