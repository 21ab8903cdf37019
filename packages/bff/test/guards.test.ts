import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { testPdp } from './authz/decision-point.ts'
import { bffEstate, browser, operate } from './bff.ts'

test('a whole instance has each route guarded as routes.yaml says', { timeout: 60_000 }, async (t) => {
  const point = await testPdp(t)
  const service = await startService(t)
  const estate = await bffEstate(t, {
    env: {
      REKEY_JWT_ISSUER: 'https://idp.example',
      REKEY_JWT_AUDIENCE: 'urn:api',
      REKEY_JWT_HS256_SECRET: 'a-secret-of-the-issuer-of-some-length',
    },
    files: {
      'routes.yaml': [
        'routes:',
        `  - {path: /api/plain, target_service: '${service.url}', auth: session}`,
        `  - {path: '/api/asked/{id}', target_service: '${service.url}', auth: session, authz: pdp, methods: [GET]}`,
        `  - {path: /mail/once, target_service: '${service.url}', auth: link}`,
        `  - {path: /bearer, target_service: '${service.url}', auth: bearer}`,
      ].join('\n'),
      'pdp.yaml': [
        `connection: {base_url: '${point.url}'}`,
        'endpoint_map:',
        '  /api/asked/{id}: {GET: {resource: thing, action: read, id_from: path:id}}',
      ].join('\n'),
    },
  })
  const bff = await estate.start()
  const user = browser()
  const status = async (path: string, init = {}) => (await user.go(`${estate.publicUrl}${path}`, init)).status

  assert.equal(await status('/api/plain'), 401)
  assert.equal(await status('/bearer'), 401)
  await user.go(`${estate.publicUrl}/auth/login`)
  assert.equal(await status('/api/plain'), 200)
  assert.equal(await status('/bearer'), 401)

  const { csrf_token } = JSON.parse((await user.go(`${estate.publicUrl}/auth/session`)).text)
  assert.equal(await status('/api/plain', { method: 'POST' }), 403)
  assert.equal(await status('/api/plain', { method: 'POST', headers: { 'x-csrf-token': csrf_token } }), 200)

  point.answer(({ body }) => ({ body: { decision: (body.resource as { id: string }).id === 'mine' } }))
  assert.deepEqual([await status('/api/asked/mine'), await status('/api/asked/yours')], [200, 403])

  const { url } = await operate(bff, 'POST', '/links', { path: '/mail/once' })
  const { pathname, search } = new URL(url)
  assert.deepEqual([await status(`${pathname}${search}`), await status(`${pathname}${search}`)], [200, 401])
  assert.deepEqual(service.seen, ['GET /api/plain', 'POST /api/plain', 'GET /api/asked/mine', 'GET /mail/once'])
})

/** Answers 200, whoever asks. */
async function startService(t: TestContext) {
  const seen: string[] = []
  const server = createServer(({ method, url }, response) => {
    seen.push(`${method} ${url?.split('?', 1)[0]}`)
    response.end()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}
