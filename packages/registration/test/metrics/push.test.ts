import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { ensureRegistered, optionsFromEnvironment } from '../../src/index.ts'
import { environment, folder, type Setting, start } from '../client.ts'
import { type Foreign, startForeign } from '../foreign/provider.ts'

describe('the metric of a start', () => {
  let foreign: Foreign
  let gateway: Server
  let status: number
  let pushes: { method: string | undefined; path: string | undefined; type: string | undefined; lines: string[] }[]
  let env: Record<string, string>
  let place: Awaited<ReturnType<typeof folder>>
  let setting: Setting

  before(async () => {
    foreign = await startForeign()
    gateway = createServer(async (request, response) => {
      let text = ''
      for await (const chunk of request) text += chunk
      const lines = text
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('#'))
      pushes.push({ method: request.method, path: request.url, type: request.headers['content-type'], lines })
      response.writeHead(status).end()
    })
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve))
    env = { PROM_PUSHGATEWAY_URL: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}/` }
  })
  after(async () => {
    gateway.close()
    await foreign.close()
  })
  beforeEach(async () => {
    place = await folder()
    setting = { idp: foreign.url, folder: place.path }
    pushes = []
    status = 200
  })
  afterEach(() => place.remove())

  const said = (happened: string) =>
    ['success', 'rat_cached', 'rat_invalid', 'jwks_rotation_failed'].map(
      (one) => `bff_dcr_status{status="${one}"} ${one === happened ? 1 : 0}`,
    )

  it('is success after a registration, then rat_cached while nothing is to be done; all four values each time', async () => {
    const { clientId } = await start(setting, { ...env, DCR_IAT: await foreign.iat() })
    await start(setting, env)
    assert.deepEqual(
      pushes.map(({ lines }) => lines),
      [said('success'), said('rat_cached')],
    )
    const { method, path, type } = pushes[0] ?? {}
    assert.deepEqual(
      [method, path, type],
      ['PUT', `/metrics/job/bff_dcr/instance/${clientId}`, 'text/plain; version=0.0.4'],
    )
  })

  it('has the client_id as its instance, also where a start fails; the kid only as long as there is none', async () => {
    await assert.rejects(start(setting, env), { code: 'IAT_MISSING' })
    const { clientId } = await start(setting, { DCR_IAT: await foreign.iat() })
    foreign.intercept = () => 401
    await assert.rejects(start(setting, env), { code: 'RAT_INVALID' })
    await assert.rejects(start(setting, { ...env, DCR_CLIENT_ID: 'bff-server' }), { code: 'RAT_INVALID' })
    foreign.intercept = undefined
    assert.deepEqual(
      pushes.map(({ path }) => path?.split('/').at(-1)),
      ['bff-sig-001', clientId, 'bff-server'],
    )
  })

  it('is rat_invalid when the registration access token is refused', async () => {
    await start(setting, { DCR_IAT: await foreign.iat() })
    foreign.intercept = () => 401
    await assert.rejects(start(setting, env), { code: 'RAT_INVALID' })
    foreign.intercept = undefined
    assert.deepEqual(
      pushes.map(({ lines }) => lines),
      [said('rat_invalid')],
    )
  })

  it('is jwks_rotation_failed when a rotation fails, also where the service goes on by its key', async () => {
    await start(setting, { DCR_IAT: await foreign.iat() })
    foreign.intercept = ({ method }) => (method === 'PATCH' ? 423 : undefined)
    assert.equal((await start(setting, { ...env, BFF_JWK_ROTATE_AFTER_DAYS: '0' })).outcome, 'unchanged')
    foreign.intercept = undefined
    assert.deepEqual(
      pushes.map(({ lines }) => lines),
      [said('jwks_rotation_failed')],
    )
  })

  it('that cannot be pushed is told with its cause and fails nothing', async () => {
    const nowhere = createServer()
    await new Promise<void>((resolve) => nowhere.listen(0, '127.0.0.1', resolve))
    const { port } = nowhere.address() as AddressInfo
    await new Promise((resolve) => nowhere.close(resolve))
    const away = { PROM_PUSHGATEWAY_URL: `http://127.0.0.1:${port}` }
    const { lines } = await start(setting, { ...away, DCR_IAT: await foreign.iat() })
    assert.match(lines.join('\n'), /Pushgateway could not be reached.*ECONNREFUSED/)
    status = 400
    const again = await start(setting, env)
    assert.match(again.lines.join('\n'), /Pushgateway answered 400/)
  })

  it('is pushed also when the failure is allowed, which is told as the outcome', async () => {
    const lines: string[] = []
    const result = await ensureRegistered(
      optionsFromEnvironment(environment(setting, { ...env, ALLOW_BOOTSTRAP_FAILURE: 'true' })),
      { log: (level, line) => void lines.push(`${level} ${line}`) },
    )
    assert.equal(result.outcome, 'failed')
    assert.equal(result.outcome === 'failed' && result.error.code, 'IAT_MISSING')
    assert.match(lines.join('\n'), /^error Client registration failed \(IAT_MISSING\)/m)
    assert.deepEqual(
      pushes.map(({ lines }) => lines),
      [said('jwks_rotation_failed')],
    )
  })
})
