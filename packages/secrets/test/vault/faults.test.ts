import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { SecretsError } from '../../src/error.ts'
import { openVault, type Vault, type VaultOptions } from '../../src/vault/open.ts'
import type { VaultSettings } from '../../src/vault/settings.ts'
import { type Instead, startVault, type VaultServer } from './server.ts'
import { newPath, settingsFor } from './servers.ts'

const secret = `sk_live_${'5'.repeat(64)}`
const fields = { clientSecret: secret }

describe('what can go wrong with Vault', { timeout: 30_000 }, () => {
  let server: VaultServer
  let vault: Vault
  const opened: { close(): unknown }[] = []
  beforeEach(async () => {
    server = track(await startVault())
    vault = open({})
  })
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close()
  })

  function track<One extends { close(): unknown }>(one: One): One {
    opened.push(one)
    return one
  }

  function open(settings: Partial<VaultSettings>, options?: VaultOptions): Vault {
    return track(openVault({ ...settingsFor({ address: server.url, token: server.token }), ...settings }, options))
  }

  const fails = (act: Promise<unknown>, code: string, message: RegExp) =>
    assert.rejects(act, (error) => {
      assert.ok(error instanceof SecretsError)
      assert.equal(error.code, code)
      assert.match(error.message, message)
      const shown = inspect(error, { depth: 9, showHidden: true })
      for (const hidden of [secret, server.token, 'agentidp/']) assert.ok(!shown.includes(hidden), shown)
      return true
    })

  test('while it is sealed nothing is read or written; an instance can start nevertheless', async () => {
    const path = newPath()
    await vault.write(path, fields)
    server.sealed(true)
    const late = open({})
    await fails(late.read(path, 1), 'VAULT_UNAVAILABLE', /^Vault is sealed$/)
    await fails(late.write(path, fields), 'VAULT_UNAVAILABLE', /^Vault is sealed$/)
    await fails(late.deleteAll(path), 'VAULT_UNAVAILABLE', /^Vault is sealed$/)
    server.sealed(false)
    assert.deepEqual(await late.read(path, 1), { version: 1, fields })
  })

  test('a reply that comes too late is not waited for; what it did nevertheless is stepped over', async () => {
    const path = newPath()
    const hasty = open({}, { deadlineMs: 150 })
    await hasty.write(path, fields)
    server.slow(60_000)
    await fails(hasty.read(path, 1), 'VAULT_UNAVAILABLE', /not answer in time/)
    server.slow(60_000, (request) => request.startsWith('POST /v1/secret/data/'))
    await fails(hasty.write(path, fields), 'VAULT_UNAVAILABLE', /not answer in time/)
    server.slow(0)
    assert.deepEqual([...server.versions(path).keys()], [1, 2])
    assert.deepEqual(await vault.write(path, fields), { version: 3 })
  })

  test('one that is not there is out of reach', async () => {
    const address = server.url
    await server.close()
    await fails(open({ address }).read(newPath(), 1), 'VAULT_UNAVAILABLE', /ECONNREFUSED/)
  })

  test('statuses that pass by themselves are told from those that somebody must do something about', async () => {
    const statuses = async (list: number[], code: string, instead: Omit<Instead, 'status'> = {}) => {
      for (const status of list) {
        server.instead(() => ({ status, ...instead }))
        await fails(vault.read(newPath(), 1), code, /Vault/)
        await fails(vault.write(newPath(), fields), code, /Vault/)
        await fails(vault.versions(newPath()), code, /Vault/)
      }
    }
    await statuses([412, 429, 472, 473, 500, 501, 502, 503], 'VAULT_UNAVAILABLE')
    await statuses([301, 400, 403, 404, 405, 413], 'VAULT_REFUSED')
    const upgrading =
      'Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period.'
    await statuses([400], 'VAULT_UNAVAILABLE', { body: JSON.stringify({ errors: [upgrading] }) })
    await statuses([400], 'VAULT_REFUSED', { body: JSON.stringify({ errors: [`${server.token} ${secret}`] }) })
  })

  test('what is not Vault never makes a secret seem to be gone', async () => {
    const answers: Instead[] = [
      { status: 404, body: '<h1>Not found</h1>' },
      { status: 200, body: '<h1>Please log in</h1>' },
      { status: 200, body: '{}' },
      { status: 404, body: '{"errors":["no handler for route"]}' },
      { status: 404, body: 'null' },
    ]
    for (const answer of answers) {
      server.instead(() => answer)
      await fails(vault.read(newPath(), 1), 'VAULT_REFUSED', /VAULT_MOUNT/)
      await fails(vault.write(newPath(), fields), 'VAULT_REFUSED', /VAULT_MOUNT/)
    }
    server.instead(() => ({ status: 200, body: 'x'.repeat(2_000_000) }))
    await fails(vault.read(newPath(), 1), 'VAULT_UNAVAILABLE', /no reply/)
  })

  test('an engine of version 1 is refused before it is sent a secret, which it would keep for ever', async () => {
    let kept: string | undefined
    server.instead((request) => {
      if (request.startsWith('POST')) kept = '{"data":{"max_versions":100}}'
      if (request.startsWith('POST')) return { status: 204 }
      return kept ? { status: 200, body: kept } : { status: 404, body: '{"errors":[]}' }
    })
    await fails(vault.write(newPath(), fields), 'VAULT_REFUSED', /version 2/)
    assert.deepEqual(
      server.requests.filter((request) => request.includes('/data/')),
      [],
    )
  })

  test('a mount or a namespace that is not there is refused', async () => {
    await fails(open({ mount: 'elsewhere' }).read(newPath(), 1), 'VAULT_REFUSED', /VAULT_MOUNT.*namespace/)
    await fails(open({ namespace: 'team' }).write(newPath(), fields), 'VAULT_REFUSED', /namespace/)
    const team = track(await startVault({ namespace: 'team', mount: 'apps/kv' }))
    const settings = { address: team.url, token: team.token, namespace: 'team', mount: 'apps/kv' }
    assert.deepEqual(await open(settings).write(newPath(), fields), { version: 1 })
  })

  test('a mount that deletes by itself is refused: the secret would die before its time', async () => {
    server.settings.delete_version_after = 3_600_000
    await fails(vault.write(newPath(), fields), 'VAULT_REFUSED', /delete_version_after/)
  })

  test('a standby that does not forward points to the active node, and the token goes nowhere else', async () => {
    const path = newPath()
    const standby = track(await startVault())
    standby.instead((request) => ({ status: 307, headers: { location: server.url + request.split(' ')[1] } }))
    const viaStandby = open({ address: standby.url })
    assert.deepEqual(await viaStandby.write(path, fields), { version: 1 })
    assert.deepEqual(await viaStandby.read(path, 1), { version: 1, fields })
    const stranger = track(await startVault())
    const elsewhere = stranger.url.replace('127.0.0.1', 'localhost')
    standby.instead((request) => ({ status: 307, headers: { location: elsewhere + request.split(' ')[1] } }))
    await fails(viaStandby.read(path, 1), 'VAULT_REFUSED', /307/)
    assert.deepEqual(stranger.requests, [])
  })

  test('a standby that does not know yet what was just written is asked again', async () => {
    const path = newPath()
    await vault.write(path, fields)
    let asked = 0
    const behind: Instead = { status: 404, body: '{"errors":[]}' }
    server.instead((request) => (request.includes('/data/') && ++asked === 1 ? behind : undefined))
    assert.deepEqual(await vault.read(path, 1), { version: 1, fields })
    server.instead((request) => (request.startsWith('GET /v1/secret/metadata/') ? behind : undefined))
    assert.deepEqual(await vault.write(path, { clientSecret: 'next' }), { version: 2 })
  })

  test('who writes all the time to the same path is not fought without end', async () => {
    const refusal = JSON.stringify({ errors: ['check-and-set parameter did not match the current version'] })
    server.instead((request) =>
      request.startsWith('POST /v1/secret/data/') ? { status: 400, body: refusal } : undefined,
    )
    await fails(vault.write(newPath(), fields), 'VAULT_UNAVAILABLE', /keep writing/)
    assert.equal(server.requests.filter((request) => request.includes('/data/')).length, 10)
  })

  test('many who need the same secret at once ask once', async () => {
    const path = newPath()
    await vault.write(path, fields)
    const before = server.requests.length
    const read = await Promise.all(Array.from({ length: 50 }, () => vault.read(path, 1)))
    assert.deepEqual(
      read,
      read.map(() => ({ version: 1, fields })),
    )
    assert.equal(server.requests.length - before, 1)
    await vault.read(path, 1)
    assert.equal(server.requests.length - before, 2, 'nothing is remembered here')
  })

  /** Not Vault: what an HTTP server may do to a client. */
  async function listen(listener: RequestListener): Promise<Vault> {
    const other = createServer(listener)
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    track({
      close() {
        other.closeAllConnections()
        return new Promise((resolve) => other.close(resolve))
      },
    })
    const { port } = other.address() as AddressInfo
    return open({ address: `http://127.0.0.1:${port}` }, { deadlineMs: 500 })
  }

  test('a connection that was closed while it was kept is no failure', async () => {
    const used = new WeakSet<object>()
    const forgetful = await listen((request, response) => {
      if (used.has(request.socket)) return request.socket.resetAndDestroy()
      used.add(request.socket)
      response.end('{"data":{"data":{"clientSecret":"kept"},"metadata":{"version":1}}}')
    })
    for (let n = 0; n < 5; n++) assert.notEqual(await forgetful.read(newPath(), 1), 'missing')
  })

  test('a reply that breaks off, or never ends, is none', async () => {
    const breaking = await listen((_, response) => {
      response.writeHead(200).write('{"data":')
      setImmediate(() => response.destroy())
    })
    await fails(breaking.read(newPath(), 1), 'VAULT_UNAVAILABLE', /cannot be reached/)
    const endless = await listen((_, response) => response.writeHead(200).write('{"data":'))
    await fails(endless.read(newPath(), 1), 'VAULT_UNAVAILABLE', /not answer in time/)
  })
})
