import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { bffEstate, browser, eventually, operate, type TestBff } from '../bff.ts'

// biome-ignore lint/suspicious/noExplicitAny: checked member by member
async function health({ url }: TestBff): Promise<{ status: number; body: any }> {
  const reply = await fetch(`${url}/health`)
  return { status: reply.status, body: await reply.json() }
}

async function sessionsIn({ url }: TestBff): Promise<string[]> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return text.split('\n').filter((line) => line.startsWith('rekey_bff_sessions{'))
}

describe('the health of an instance', () => {
  it('is told with what it hangs on, and without anything secret', async (t) => {
    const { bff, provider } = await started(t)
    const { status, body } = await health(bff)
    assert.deepEqual(
      [status, body],
      [
        200,
        {
          status: 'ok',
          database: 'ok',
          idp: { issuer: provider.issuer, reachable: true },
          keyrings: { csrf: 'ok', state: 'ok', session: 'ok', 'token-hash': 'ok', 'ua-hash': 'ok' },
        },
      ],
    )
  })

  it('is degraded while the identity provider is away, and that takes no instance out', async (t) => {
    const { bff, provider, publicUrl } = await started(t)
    provider.intercept = () => 503
    await browser().go(`${publicUrl}/auth/login`)
    const { status, body } = await health(bff)
    assert.deepEqual([status, body.status, body.idp.reachable], [200, 'degraded', false])
    assert.equal((await fetch(`${bff.url}/readyz`)).status, 200)
    assert.match(await (await fetch(`${bff.url}/metrics`)).text(), /^bff_idp_reachable 0$/m)
    provider.intercept = undefined
    await eventually(
      async () => {
        await browser().go(`${publicUrl}/auth/login`)
        return (await health(bff)).body.status
      },
      (now) => now === 'ok',
    )
  })

  it('is 503 without the database, and good again with it', async (t) => {
    const { bff, database } = await started(t)
    await database.reachable(false)
    await eventually(
      () => health(bff),
      ({ status }) => status === 503,
    )
    assert.equal((await health(bff)).body.database, 'unavailable')
    assert.equal((await fetch(`${bff.url}/healthz`)).status, 200)
    await database.reachable(true)
    await eventually(
      () => health(bff),
      ({ status }) => status === 200,
    )
  })
})

describe('metrics', () => {
  it('tell how many sessions hang on which version', async (t) => {
    const { bff, publicUrl } = await started(t)
    for (const _ of [1, 2]) await browser().go(`${publicUrl}/auth/login`)
    const lines = await sessionsIn(bff)
    const { versions } = await operate(bff, 'GET', '/keyrings/session')
    const active = versions.find(({ state }: { state: string }) => state === 'active').id
    assert.ok(lines.includes(`rekey_bff_sessions{keyring="session",version="${active}"} 2`), lines.join('\n'))
    assert.equal(lines.filter((line) => line.includes('keyring="token-hash"')).length, 1)
  })

  it('are for processes on this machine, and not for whoever comes by a proxy on it', async (t) => {
    const { bff } = await started(t)
    const traces = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']
    for (const name of traces) {
      const reply = await fetch(`${bff.url}/metrics`, { headers: { [name]: '127.0.0.1' } })
      assert.equal(reply.status, 403, name)
    }
    assert.equal((await fetch(`${bff.url}/metrics`)).status, 200)
  })

  it('have those that every service has', async (t) => {
    const { bff } = await started(t)
    const text = await (await fetch(`${bff.url}/metrics`)).text()
    assert.match(text, /^rekey_keyring_versions\{keyring="session",state="active"\} 1$/m)
    assert.match(text, /^agentidp_audit_chain_integrity 1$/m)
  })
})

describe('a request', () => {
  it('has one correlation id, which the identity provider is told as well', async (t) => {
    const { provider, publicUrl } = await started(t)
    const told: unknown[] = []
    provider.intercept = (request, endpoint) => {
      if (endpoint === 'par' || endpoint === 'token') told.push(request.headers['x-correlation-id'])
      return undefined
    }
    const { headers } = await browser().go(`${publicUrl}/auth/login`, { headers: { 'x-correlation-id': 'one-login' } })
    assert.equal(told[0], 'one-login')
    assert.match(String(headers.get('x-correlation-id')), /^[\w-]{36}$/)
  })
})

async function started(t: TestContext) {
  const estate = await bffEstate(t)
  const bff = await estate.start()
  // It read the metadata of the provider.
  await browser().go(`${estate.publicUrl}/auth/login`, { until: estate.provider.issuer })
  return { bff, ...estate }
}
