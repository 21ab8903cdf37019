import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { auditReader } from '../../audit/reading.ts'
import { type Estate, startEstate, type TestInstance } from '../../estate.ts'
import { type Answering, type Host, jsonOf, startHost } from '../../outbound/host.ts'
import { type ClientPair, jwkOf, newPair } from '../../tokens/authentication/signer.ts'
import { addClient, ask, publishing, status } from './setting.ts'

describe('keys', { timeout: 300_000 }, () => {
  let estate: Estate
  let host: Host
  let idp: TestInstance
  let clientId: string
  let first: ClientPair
  let second: ClientPair

  before(async () => {
    host = await startHost()
    estate = await startEstate({ REKEY_OUTBOUND_ALLOW: host.name })
    idp = await estate.instance()
  })
  after(async () => {
    await host.close()
    await estate.stop()
  })
  beforeEach(async () => {
    clientId = randomUUID()
    first = newPair('first')
    second = newPair('second')
    await addClient(estate, clientId, host.url)
  })

  const manyPairs = Array.from({ length: 21 }, (_, n) => newPair(`many-${n}`))
  const bad: Record<string, { answering: () => Answering; cause: string }> = {
    'of another status': { answering: () => (response) => response.writeHead(500).end('{}'), cause: 'status_500' },
    'that is a redirect': {
      answering: () => (response) => response.writeHead(302, { location: host.url }).end(),
      cause: 'redirect',
    },
    'that is not JSON': {
      answering: () => (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('<'),
      cause: 'not_a_key_set',
    },
    'of another type': {
      answering: () => jsonOf({ keys: [jwkOf(first)] }, { 'content-type': 'text/html' }),
      cause: 'not_json',
    },
    'that is no set of keys': { answering: () => jsonOf([jwkOf(first)]), cause: 'not_a_key_set' },
    'that is null': { answering: () => jsonOf(null), cause: 'not_a_key_set' },
    'with keys that are none': { answering: () => jsonOf({ keys: ['first', null] }), cause: 'not_a_key_set' },
    'that is huge': { answering: () => jsonOf({ keys: [jwkOf(first)], more: 'x'.repeat(65_536) }), cause: 'too_large' },
    'that is compressed': {
      answering: () => (response) =>
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
          .end(gzipSync(Buffer.alloc(10_000_000))),
      cause: 'encoded',
    },
    'of too many keys': { answering: () => publishing(manyPairs), cause: 'too_many_keys' },
    'with a private key': {
      answering: () =>
        jsonOf({ keys: [jwkOf(first), { ...second.privateKey.export({ format: 'jwk' }), kid: 'second' }] }),
      cause: 'private_key',
    },
    'with a shared secret': {
      answering: () => jsonOf({ keys: [jwkOf(first), { kty: 'oct', k: 'c2VjcmV0', kid: 'shared' }] }),
      cause: 'private_key',
    },
  }
  for (const [what, { answering, cause }] of Object.entries(bad)) {
    test(`are not taken from an answer ${what}, and the audit is told why`, async () => {
      host.set(answering())
      const { status: refused, body } = await ask(idp, clientId, first)
      assert.equal(refused, 401)
      assert.deepEqual(body, { error: 'invalid_client', error_description: 'client authentication failed' })
      await idp.idp.instance.gathered.flush()
      const audit = await auditReader(idp)
      const [event] = await audit.until({ action: 'client.keys_fetch_failed', actor: clientId })
      assert.equal(event?.details.cause, cause)
    })
  }

  test('are not waited for longer than five seconds', async () => {
    host.set((response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => response.write(' '), 50)
      response.on('close', () => clearInterval(timer))
    })
    const began = performance.now()
    assert.equal(await status(idp, clientId, first), 401)
    const took = performance.now() - began
    assert.ok(took > 4_900, `${took} ms`)
  })
})

describe('a jwks_uri', { timeout: 180_000 }, () => {
  test('that leads to a private address is not called unless the operator names its host', async () => {
    const estate = await startEstate()
    const host = await startHost()
    const idp = await estate.instance()
    const pair = newPair('first')
    host.set(publishing([pair]))
    for (const [clientId, uri] of [
      ['by-plain-http', host.url],
      ['by-address', `https://127.0.0.1:${host.port}/keys`],
      ['by-name', `https://localhost:${host.port}/keys`],
    ] as const) {
      await addClient(estate, clientId, uri)
      assert.equal(await status(idp, clientId, pair), 401)
      await idp.idp.instance.gathered.flush()
      const audit = await auditReader(idp)
      const [event] = await audit.until({ action: 'client.keys_fetch_failed', actor: clientId })
      assert.equal(event?.details.cause, clientId === 'by-plain-http' ? 'not_https' : 'address_private')
    }
    assert.equal(host.requests(), 0)
    await estate.stop()
    await host.close()
  })
})
