import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { bffEstate, browser } from '../bff.ts'

describe('a whole instance that is stopped', () => {
  it('ends a stream of a service cleanly, lets go of the service, and answers who is logging out', async (t) => {
    const streams: ServerResponse[] = []
    const service = createServer((_request, response) => {
      streams.push(response.writeHead(200, { 'content-type': 'text/event-stream' }))
      response.write('data: 1\n\n')
    })
    await once(service.listen(0, '127.0.0.1'), 'listening')
    t.after(() => service.close().closeAllConnections())
    const { port } = service.address() as AddressInfo
    const routes = `
routes:
  - { path: /events, target_service: "http://127.0.0.1:${port}", methods: [GET], auth: session, streaming: true }
`
    const estate = await bffEstate(t, { files: { 'routes.yaml': routes } })
    const instance = await estate.start()
    const user = browser()
    await user.go(`${estate.publicUrl}/auth/login`)
    const cookie = [...user.cookies(estate.publicUrl)].map(([name, value]) => `${name}=${value}`).join('; ')
    const csrf = JSON.parse((await user.go(`${estate.publicUrl}/auth/session`)).text).csrf_token
    const events = await fetch(`${estate.publicUrl}/events`, { headers: { cookie } })
    const reader = events.body?.getReader() ?? assert.fail('no stream')
    await reader.read()

    const revoked = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    estate.provider.intercept = async (_request, endpoint) => {
      if (endpoint !== 'revocation') return undefined
      revoked.resolve()
      await held.promise
      return undefined
    }
    const logout = user.go(`${estate.publicUrl}/auth/logout`, { method: 'POST', headers: { 'x-csrf-token': csrf } })
    await Promise.race([revoked.promise, logout])
    const gone = once(streams[0] as ServerResponse, 'close')
    const closed = instance.close()
    // A stream that is cut off would reject.
    while (!(await reader.read()).done);
    await gone
    held.resolve()
    assert.equal((await logout).status, 200)
    await closed
  })
})
