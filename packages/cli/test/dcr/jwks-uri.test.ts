import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { isLetIn } from './assertion.ts'
import { type Scene, type Service, scene } from './scene.ts'

const now = { BFF_JWK_ROTATE_AFTER_DAYS: '0' }

// One service from its first start on: the tests build on each other, in this order.
describe('a service that serves its keys itself', () => {
  let s: Scene
  let bff: Service
  let file = ''
  let isUp = true
  let uri: Record<string, string>
  const keys: { kid: string; pem: string }[] = []
  const server = createServer((_request, response) => {
    if (!isUp || !existsSync(file)) response.writeHead(503).end()
    else response.setHeader('content-type', 'application/jwk-set+json').end(readFileSync(file))
  })

  before(async () => {
    server.listen(0, 'localhost')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    s = await scene({ REKEY_OUTBOUND_ALLOW: `localhost:${port}`, REKEY_JWKS_URI_COOLDOWN: '1ms' })
    bff = s.service()
    file = join(bff.folder, 'jwks.json')
    uri = { DCR_JWKS_URI: `http://localhost:${port}/.well-known/jwks.json` }
  })
  after(async () => {
    server.close().closeAllConnections()
    await s.end()
  })

  const letIn = ({ kid, pem }: { kid: string; pem: string }) => isLetIn(s.wire.url, 'bff-server', kid, pem)
  const remember = (kid: string) => keys.push({ kid, pem: bff.key })
  const served = () => JSON.parse(readFileSync(file, 'utf8')).keys as { kid: string }[]

  it('registers the address instead of the keys, and its first key is good', async () => {
    const { kid } = await bff.started({ ...uri, DCR_IAT: await s.iat() })
    remember(kid)
    const shown = async () => (await s.idp.rekey('dcr', 'client', 'show', 'bff-server')).stdout
    assert.match(await shown(), /\nKeys\n {2}not fetched yet: .*jwks refresh"\n/)
    const [post] = s.wire.taken().filter(({ line }) => line === 'POST /api/oidc/register')
    assert.deepEqual([post?.sent.jwks_uri, post?.sent.jwks], [uri.DCR_JWKS_URI, undefined])
    assert.deepEqual(await Promise.all(keys.map(letIn)), [true])
    assert.match(await shown(), new RegExp(`\\nKeys\\n {2}KID .*\\n {2}${kid} +RS256 +jwks_uri`))
    assert.equal((await bff.started(uri)).outcome, 'unchanged')
    s.wire.taken()
  })

  it('rotates without a key in its registration, whose token alone may be renewed: the new key is served beside the old one, and both are good', async () => {
    const { outcome, kid } = await bff.started({ ...uri, ...now })
    assert.equal(outcome, 'rotated')
    remember(kid)
    assert.deepEqual(
      served().map((key) => key.kid),
      keys.map((key) => key.kid),
    )
    const own = '/api/oidc/register/bff-server 200'
    assert.deepEqual(s.registrations(), [`GET ${own}`, `PATCH ${own}`])
    assert.deepEqual(await Promise.all(keys.map(letIn)), [true, true])
  })

  it('is refused by a key that it withdrew, as soon as the address is read again', async () => {
    writeFileSync(file, JSON.stringify({ keys: served().slice(1) }))
    const left = await s.idp.json('dcr', 'client', 'jwks', 'refresh', 'bff-server')
    assert.equal(left.keys.length, 1)
    assert.deepEqual(await Promise.all(keys.map(letIn)), [false, true])
  })

  it('goes on by its old key while nobody serves the new one, and takes it when that is served', {
    timeout: 60_000,
  }, async () => {
    isUp = false
    const { kid } = await bff.started({ ...uri, ...now }, { now: () => Date.now() + 11 * 60_000 })
    assert.deepEqual([kid, bff.key], [keys[1]?.kid, keys[1]?.pem])
    isUp = true
    const { outcome, kid: next } = await bff.started(uri)
    assert.equal(outcome, 'rotated')
    remember(next)
    assert.notEqual(bff.key, keys[1]?.pem)
    assert.deepEqual(await Promise.all(keys.map(letIn)), [false, true, true])
  })
})
