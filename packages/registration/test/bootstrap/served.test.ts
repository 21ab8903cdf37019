import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { folder, pem, type Setting, start } from '../client.ts'
import { type Foreign, startForeign } from '../foreign/provider.ts'

describe('a client with DCR_JWKS_URI', () => {
  let foreign: Foreign
  let service: Server
  let isUp: boolean
  let uri: Record<string, string>
  let place: Awaited<ReturnType<typeof folder>>
  let setting: Setting

  before(async () => {
    foreign = await startForeign()
    service = createServer(async (_, response) => {
      if (!isUp) return response.writeHead(503).end()
      response.end(await readFile(join(place.path, 'jwks.json')))
    })
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
    const { port } = service.address() as AddressInfo
    uri = { DCR_JWKS_URI: `http://127.0.0.1:${port}/.well-known/jwks.json` }
  })
  after(async () => {
    service.closeAllConnections()
    service.close()
    await foreign.close()
  })
  beforeEach(async () => {
    place = await folder()
    setting = { idp: foreign.url, folder: place.path }
    isUp = true
  })
  afterEach(() => place.remove())

  const written = async () => JSON.parse(await readFile(join(place.path, 'jwks.json'), 'utf8'))
  const rotateNow = () => start(setting, { ...uri, BFF_JWK_ROTATE_AFTER_DAYS: '0' })

  it('is registered with the address, and the set lies where the service serves it', async () => {
    const first = await start(setting, { ...uri, DCR_IAT: await foreign.iat() })
    const metadata = await foreign.client(first.clientId)
    assert.equal(metadata.jwks_uri, uri.DCR_JWKS_URI)
    assert.equal(metadata.jwks, undefined)
    assert.deepEqual(await written(), first.jwks())
    assert.deepEqual(
      first.jwks().keys.map(({ kid }) => kid),
      ['bff-sig-001'],
    )
    assert.equal((await start(setting, uri)).outcome, 'unchanged')
  })

  it('publishes a new key beside the old one before it signs with it', async () => {
    const first = await start(setting, { ...uri, DCR_IAT: await foreign.iat() })
    const rotated = await rotateNow()
    assert.equal(rotated.outcome, 'rotated')
    const { keys } = await written()
    assert.deepEqual(
      keys.map(({ kid }: { kid: string }) => kid),
      [first.kid, rotated.kid],
    )
    assert.equal((await start(setting, uri)).kid, rotated.kid)
  })

  it('goes on with the old key while the new one is not served, until a start that finds it there', async () => {
    const first = await start(setting, { ...uri, DCR_IAT: await foreign.iat() })
    const before = await pem(setting)
    isUp = false
    const waiting = await rotateNow()
    assert.deepEqual([waiting.outcome, waiting.kid], ['unchanged', first.kid])
    assert.match(waiting.lines.join('\n'), /not served at DCR_JWKS_URI yet/)
    assert.equal(await pem(setting), before)
    isUp = true
    const rotated = await start(setting, uri)
    assert.equal(rotated.outcome, 'rotated')
    assert.notEqual(await pem(setting), before)
    assert.equal((await written()).keys.length, 2)
  })

  it('that had inline keys is pointed there once the service serves them', async () => {
    const first = await start(setting, { DCR_IAT: await foreign.iat() })
    isUp = false
    await start(setting, uri)
    assert.equal((await foreign.client(first.clientId)).jwks_uri, undefined)
    isUp = true
    await start(setting, uri)
    const metadata = await foreign.client(first.clientId)
    assert.equal(metadata.jwks_uri, uri.DCR_JWKS_URI)
    assert.equal(metadata.jwks, undefined)
  })

  it('that gives the address up has its key inline again', async () => {
    const first = await start(setting, { ...uri, DCR_IAT: await foreign.iat() })
    await start(setting)
    const metadata = await foreign.client(first.clientId)
    assert.equal(metadata.jwks_uri, undefined)
    assert.equal(metadata.jwks.keys[0].kid, first.kid)
  })
})
