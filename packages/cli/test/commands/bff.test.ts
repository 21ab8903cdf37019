import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { temporaryFolder } from '../folder.ts'
import { playIdp, Refusal } from '../idp.ts'
import { keyring, noon, version } from '../keyring.ts'
import { run } from '../shell.ts'

type Played = Awaited<ReturnType<typeof playIdp>>

const noonText = new Date(noon).toISOString()
const csrf = { ...keyring([version('c1', 'active'), version('c2', 'prepared')]), name: 'csrf', kind: 'sealing-key' }
const draining = {
  ...keyring(
    [version('s1', 'retiring'), version('s2', 'active'), version('s3', 'prepared')],
    [
      {
        step: 'retire',
        version: 's1',
        gate: 'drained',
        for: ['12 live sessions'],
        opensAt: '2026-03-01T20:00:00.000Z',
      },
    ],
  ),
  name: 'session',
  kind: 'sealing-key',
}
const all = { 'GET /internal/keyrings': { keyrings: [csrf, draining] } }
const acts = ['prepare', 'rotate', 'rollback', 'discard', 'revoke']
const answers = Object.fromEntries(acts.map((act) => [`POST /internal/keyrings/csrf/${act}`, csrf]))

let idp: Played
let bff: Played

before(async () => {
  idp = await playIdp({ 'GET /keyrings': { keyrings: [keyring([])] }, 'GET /verifiers': { verifiers: [] } })
  bff = await playIdp({ ...all, ...answers })
})
after(async () => {
  await idp.close()
  await bff.close()
})

test('a keyring of the backend for frontend is administered there, by a token of the IdP', async () => {
  for (const words of [
    ['prepare', 'csrf'],
    ['rotate', 'csrf'],
    ['rollback', 'csrf'],
    ['discard', 'csrf', 'c2'],
    ['revoke', 'csrf', 'c1', '--reason', 'leaked'],
  ]) {
    bff.requests.splice(0)
    idp.scopes.splice(0)
    const { code, stderr } = await idp.rekey(...words, '--bff', bff.url)
    assert.equal(code, 0, stderr)
    assert.deepEqual(bff.lines(), [`POST /internal/keyrings/csrf/${words[0]}`])
    assert.deepEqual(idp.scopes, ['keyrings:write'])
  }
  assert.deepEqual(idp.lines(), [])
})

test('the key by which the backend authenticates is replaced at once: there is nothing to follow', async (t) => {
  const client = {
    ...keyring([version('k1', 'retiring'), version('k2', 'active')]),
    name: 'bff-client',
    kind: 'client-key',
  }
  const played = await playIdp({ 'POST /internal/keyrings/bff-client/rotate': client })
  t.after(played.close)
  for (const words of [
    ['rotate', 'bff-client', '--watch'],
    ['bff', 'rotate-keys'],
  ]) {
    const { code, stdout } = await idp.rekey(...words, '--bff', played.url)
    assert.deepEqual([code, stdout], [0, 'bff-client: k2 is active.\n'])
  }
})

test('the identity provider may take its time to learn a key', async (t) => {
  const client = { ...keyring([version('k1', 'retiring'), version('k2', 'active')]), kind: 'client-key' }
  const beyondUsualMs = 5_500
  const slowly = (response: ServerResponse) => setTimeout(() => response.end(JSON.stringify(client)), beyondUsualMs)
  const played = await playIdp({ 'POST /internal/keyrings/bff-client/rotate': slowly })
  t.after(played.close)
  const { code, stderr } = await idp.rekey('bff', 'rotate-keys', '--bff', played.url)
  assert.deepEqual([code, stderr], [0, ''])
})

test('a key that the identity provider has yet to learn is not told as the one in use', async (t) => {
  const versions = [version('k1', 'active'), version('k2', 'prepared')]
  const client = { ...keyring(versions), name: 'bff-client', kind: 'client-key' }
  const played = await playIdp({ 'POST /internal/keyrings/bff-client/rotate': client })
  t.after(played.close)
  const { stdout } = await idp.rekey('rotate', 'bff-client', '--bff', played.url)
  assert.match(stdout, /^bff-client: k2 is published, and signs once .*; until then k1 does\.\n$/)
})

test('with BFF_KEYS_DIR the key in that folder is replaced, and nobody is asked for an estate', async () => {
  const BFF_KEYS_DIR = temporaryFolder()
  const rotated = async () => {
    const { code, stdout, stderr } = await run(['bff', 'rotate-keys', '--json'], { BFF_KEYS_DIR, BFF_KID: 'app' })
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout) as { kid: string; waiting?: string; notified: boolean }
  }
  const first = await rotated()
  assert.equal(first.kid, 'app')
  const second = await rotated()
  const published = JSON.parse(readFileSync(`${BFF_KEYS_DIR}/jwks.json`, 'utf8')).keys.map(
    ({ kid }: { kid: string }) => kid,
  )
  assert.ok(published.includes('app') && published.includes(second.waiting ?? second.kid))
  assert.equal(second.notified, false)
  const { code, stdout } = await run(['bff', 'rotate-keys', '--json'], { BFF_KEYS_DIR, IDP_DCR_URL: 'nowhere' })
  assert.deepEqual([code, JSON.parse(stdout).code], [1, 'CONFIG_INVALID'])
})

test('an identity provider that does not take the new key is quoted, and the command fails', async (t) => {
  const said = new Refusal(403, 'INSUFFICIENT_SCOPE', 'this needs the scope tokens:read')
  const strict = await playIdp({ 'PUT /clients/app/jwks': said })
  t.after(strict.close)
  const env = { BFF_KEYS_DIR: temporaryFolder(), BFF_KID: 'app' }
  assert.equal((await run(['bff', 'rotate-keys'], env)).code, 0)
  const told = { ...env, IDP_DCR_URL: `${strict.url}/clients/app/jwks`, DCR_ACCESS_TOKEN: 'a-token-of-some-length' }
  const { code, stdout, stderr } = await run(['bff', 'rotate-keys', '--json'], told)
  assert.equal(code, 1)
  const { code: name, message, kid, waiting } = JSON.parse(stdout)
  assert.deepEqual([name, kid], ['KEYS_NOT_TAKEN', 'app'])
  assert.equal(
    message,
    'the identity provider at IDP_DCR_URL did not take the key set: it answered 403 INSUFFICIENT_SCOPE: this needs the ' +
      `scope tokens:read. ${waiting} is published and not used yet; app goes on signing`,
  )
  assert.doesNotMatch(stdout + stderr, /a-token-of-some-length|nobody was told/)
})

test('REKEY_BFF says where it is, and before the estate’s file', async () => {
  const env = { REKEY_IDP: idp.url, REKEY_CLIENT_ID: 'admin', REKEY_CLIENT_SECRET: 'secret' }
  assert.equal((await run(['rotate', 'csrf'], { ...env, REKEY_BFF: `${bff.url}/` })).code, 0)
  const REKEY_HOME = temporaryFolder()
  const admin = { clientId: 'admin', clientSecret: 'secret' }
  mkdirSync(REKEY_HOME, { recursive: true })
  writeFileSync(`${REKEY_HOME}/estate.json`, JSON.stringify({ idp: idp.url, bff: bff.url, admin }))
  assert.equal((await run(['rotate', 'csrf'], { REKEY_HOME })).code, 0)
  assert.equal((await run(['rotate', 'csrf'], { REKEY_HOME, REKEY_BFF: 'http://127.0.0.1:1' })).code, 3)
})

test('an estate that does not say where it is, and a malformed address, are wrong use', async () => {
  const { code, stderr } = await idp.rekey('rotate', 'csrf')
  assert.equal(code, 2)
  assert.match(stderr, /--bff URL, or REKEY_BFF/)
  for (const wrong of ['nowhere', 'ftp://bff']) assert.equal((await idp.rekey('status', '--bff', wrong)).code, 2)
})

test('status has the keyrings of both, and says how many sessions hang on a version', async () => {
  const { keyrings } = JSON.parse((await idp.rekey('status', '--bff', bff.url, '--json')).stdout)
  assert.deepEqual(
    keyrings.map(({ name }: { name: string }) => name),
    ['signing-es256', 'csrf', 'session'],
  )
  const { stdout } = await idp.rekey('status', '--bff', bff.url)
  assert.match(stdout, /Keyring session \(sealing-key[\s\S]*retire: waiting for 12 live sessions; opens by itself/)
})

test('status has the instances of both; one of the backend that is gone needs attention', async (t) => {
  const instance = { id: 'i', address: 'http://10.0.0.1:8000', applied: 3, startedAt: noonText, leaseUntil: noonText }
  const played = await playIdp({ ...all, 'GET /internal/instances': { instances: [{ ...instance, live: false }] } })
  t.after(played.close)
  const { instances, attention } = JSON.parse((await idp.rekey('status', '--bff', played.url, '--json')).stdout)
  assert.deepEqual(instances, [{ ...instance, live: false, of: 'bff' }])
  assert.match(attention.at(-1).what, /instance http:\/\/10\.0\.0\.1:8000 of the backend for frontend is gone/)
})

test('a backend that is away or refuses needs attention, and hides nothing else', async (t) => {
  const refuses = await playIdp({ 'GET /internal/keyrings': new Refusal(403, 'INSUFFICIENT_SCOPE', 'not for you') })
  t.after(refuses.close)
  const gone = await playIdp()
  await gone.close()
  for (const [url, why] of [
    [gone.url, /does not tell of its keyrings: .*ECONNREFUSED/],
    [refuses.url, /does not tell of its keyrings: .*not for you/],
  ] as const) {
    const { code, stdout } = await idp.rekey('status', '--bff', url, '--json')
    assert.equal(code, 0)
    const { keyrings, attention } = JSON.parse(stdout)
    assert.equal(keyrings.length, 1)
    assert.match(attention.at(-1).what, why)
  }
  const { attention } = JSON.parse((await idp.rekey('status', '--json')).stdout)
  assert.ok(!attention.some(({ what }: { what: string }) => what.includes('backend')))
})

test('the token goes nowhere by a redirect', async (t) => {
  const seen: (string | undefined)[] = []
  const thief = createServer((request, response) => {
    seen.push(request.headers.authorization)
    response.end('{}')
  }).listen(0, '127.0.0.1')
  t.after(() => thief.close())
  await once(thief, 'listening')
  const { port } = thief.address() as { port: number }
  const leads = await playIdp({
    'POST /internal/keyrings/csrf/rotate': (response: ServerResponse) => {
      response.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end()
    },
  })
  t.after(leads.close)
  assert.equal((await idp.rekey('rotate', 'csrf', '--bff', leads.url)).code, 3)
  assert.deepEqual(seen, [])
})
