import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { bffEstate, browser, eventually, operate, type TestBff } from './bff.ts'

describe('the keyrings of a BFF of two replicas rotate', () => {
  it('while a user works and others are logging in, and nobody notices', async (t) => {
    const service = await startService(t)
    const estate = await bffEstate(t, { files: { 'routes.yaml': routesTo(service) } })
    const replicas = [await estate.start(), await estate.start()] as const
    const reach = roundRobin(estate.publicUrl, replicas)
    const user = browser(reach)
    assert.equal((await user.go(`${estate.publicUrl}/auth/login?return_to=/api/hello`)).text, 'hello GET')
    const before = await sessionOf(user, estate.publicUrl)
    const working = work(user, estate.publicUrl)

    for (const name of ['csrf', 'state', 'session', 'token-hash', 'ua-hash']) {
      for (const replica of replicas) {
        const other = browser(reach)
        const { url } = await other.go(`${estate.publicUrl}/auth/login`, { until: `${estate.publicUrl}/auth/callback` })
        await rotate(replica, name)
        assert.equal((await other.go(url)).status, 404, 'a login that was begun before a rotation ends after it at /')
        await sessionOf(other, estate.publicUrl)
      }
    }

    const { requests, failures } = await working.stop()
    assert.deepEqual(failures, [])
    assert.ok(requests > 20, `only ${requests} requests were sent`)
    const after = await sessionOf(user, estate.publicUrl)
    assert.equal(after.user.sub, before.user.sub)
    const csrf = { 'x-csrf-token': before.csrf_token }
    const posted = await user.go(`${estate.publicUrl}/api/hello`, { method: 'POST', headers: csrf })
    assert.equal(posted.text, 'hello POST', 'a form that was opened before all rotations is taken after them')
  })
})

async function rotate(replica: TestBff, name: string): Promise<void> {
  const active = async () =>
    (await operate(replica, 'GET', `/keyrings/${name}`)).versions.find(
      ({ state }: { state: string }) => state === 'active',
    ).id
  const before = await active()
  await operate(replica, 'POST', `/keyrings/${name}/rotate`)
  await eventually(active, (id) => id !== before)
}

// biome-ignore lint/suspicious/noExplicitAny: checked member by member
async function sessionOf(user: ReturnType<typeof browser>, publicUrl: string): Promise<any> {
  const { status, text } = await user.go(`${publicUrl}/auth/session`)
  assert.equal(status, 200, text)
  return JSON.parse(text)
}

/** Reads and writes by turns until it is told to stop. */
function work(user: ReturnType<typeof browser>, publicUrl: string) {
  const failures: string[] = []
  let requests = 0
  let goesOn = true
  async function once(): Promise<void> {
    const { csrf_token } = await sessionOf(user, publicUrl)
    for (const method of ['GET', 'POST']) {
      const headers = { 'x-csrf-token': csrf_token }
      const { status, text } = await user.go(`${publicUrl}/api/hello`, { method, headers })
      requests += 1
      if (text !== `hello ${method}`) failures.push(`${method}: ${status} ${text}`)
    }
  }
  const running = (async () => {
    while (goesOn) await once().catch((error) => failures.push(String(error)))
  })()
  return {
    async stop() {
      goesOn = false
      await running
      return { requests, failures }
    },
  }
}

/** Sends what is meant for the public URL to the replicas by turns. */
function roundRobin(publicUrl: string, replicas: readonly TestBff[]): (url: URL) => URL {
  let next = 0
  return (url) => {
    if (url.origin !== publicUrl) return url
    next += 1
    return new URL(url.pathname + url.search, replicas[next % replicas.length]?.url)
  }
}

async function startService(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    response.writeHead(request.headers.authorization?.startsWith('Bearer ') ? 200 : 401)
    response.end(`hello ${request.method}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function routesTo(service: string): string {
  return `routes:\n  - path: /api/*\n    target_service: ${service}\n    methods: [GET, POST]\n    auth: session\n`
}
