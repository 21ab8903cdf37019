/** A real IdP that can be killed and comes up again, APIs on its feed and on its JWKS, and what carries an incident out. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type IncidentRecord,
  instanceTools,
  makeEvidenceKey,
  type Plan,
  type PlanInput,
  plan,
  readEvidenceKey,
  type Surroundings,
} from '@rekey/breakglass'
import { freePort, testDatabase } from '@rekey/database/testing'
import { ensureClients, managementScopes } from '@rekey/idp'
import { createVerifier, jwksPolling, nodeGuard, nodeInternal, type TrustSource, trustFeed } from '@rekey/verifier'
import { concerned } from '../../src/break-glass/provider.ts'
import { monotonicClock, systemClock } from '../../src/clock.ts'
import { executable } from '../up.ts'

const operator = { clientId: 'operator', clientSecret: `sk_live_${'a'.repeat(64)}` }
const feedReader = { clientId: 'api', clientSecret: `sk_live_${'d'.repeat(64)}` }
const secret = 'the secret of the internal endpoints'

export type EngineEstate = Awaited<ReturnType<typeof startEngineEstate>>

export async function startEngineEstate() {
  const database = await testDatabase()
  await ensureClients(database.ownerUrl, {
    agents: [{ ...operator, name: 'operator', scopes: managementScopes }],
    verifiers: [{ ...feedReader, name: 'api' }],
  })
  const port = await freePort()
  const url = `http://localhost:${port}`
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: database.serviceUrl,
    DATABASE_OWNER_URL: database.ownerUrl,
    REKEY_ISSUER: url,
    REKEY_PORT: String(port),
    REKEY_ROOT_KEY: 'env:ROOT',
    ROOT: randomBytes(32).toString('hex'),
    REKEY_ANONYMOUS_PROPAGATION: '0s',
    LOG_LEVEL: 'error',
  }
  const ends: (() => unknown)[] = []
  let idp: ChildProcess

  async function start(): Promise<void> {
    idp = spawn(process.execPath, [executable, 'idp'], { env, stdio: ['ignore', 'inherit', 'inherit'] })
    while (!(await isReady(url))) {
      if (idp.exitCode !== null) throw new Error('the IdP ended before it was ready')
      await delay(50)
    }
  }

  /** As a machine that loses its power: nothing is said goodbye to. */
  async function kill(): Promise<void> {
    idp.kill('SIGKILL')
    await once(idp, 'exit')
  }

  /** An API whose instances verify by the given trust. */
  async function api(trust: TrustSource): Promise<string> {
    const verifier = createVerifier({ issuer: url, audience: 'urn:rekey:api', algorithms: ['ES256'], trust })
    await verifier.start()
    const endpoints = nodeInternal(verifier, { token: secret })
    const hello = nodeGuard(verifier, (_request, response) => response.end('hello'))
    ends.push(() => verifier.close())
    return serve(async (request, response) => {
      if (!(await endpoints(request, response))) await hello(request, response)
    })
  }

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener).listen(0, '127.0.0.1')
    await once(server, 'listening')
    ends.push(() => server.close().closeAllConnections())
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async function surroundings(runner: string, more: Partial<Surroundings> = {}) {
    const shell = {
      env: { REKEY_IDP: url, REKEY_CLIENT_ID: operator.clientId, REKEY_CLIENT_SECRET: operator.clientSecret },
      folder: '/nowhere',
      stdout: process.stdout,
      stderr: process.stderr,
      interactive: false,
      columns: undefined,
      now: systemClock,
      fetch,
      interruption: () => new AbortController().signal,
    }
    const { provider } = await concerned(shell, undefined)
    const hands = {
      clock: systemClock,
      monotonic: monotonicClock,
      pause: async (ms: number, signal?: AbortSignal) => await delay(ms, undefined, signal && { signal }),
    }
    const kept: Uint8Array[] = []
    return {
      ...hands,
      provider,
      instances: instanceTools(hands),
      evidence: {
        key: readEvidenceKey(makeEvidenceKey().pem),
        keep: async (incident: string, bytes: Uint8Array) => `${incident}-${kept.push(bytes)}.zip`,
      },
      runner,
      signal: new AbortController().signal,
      refreshToken: secret,
      onChange: (_record: IncidentRecord) => {},
      software: 'test/1',
      ...more,
      kept,
    }
  }

  await start()
  return {
    url,
    start,
    kill,
    surroundings,
    pollingApi: () => api(jwksPolling({ jwksUri: `${url}/.well-known/jwks.json` })),
    feedApi: () => api(trustFeed({ issuer: url, ...feedReader, onLeaseLost: 'fail-closed' })),
    /** Of the key that signs now. */
    async signingKid(): Promise<string> {
      const { access_token: token } = (await (await askForToken(url, operator)).json()) as { access_token: string }
      return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
    },
    async stop() {
      for (const end of ends.splice(0)) await end()
      if (idp.exitCode === null && idp.signalCode === null) {
        idp.kill('SIGTERM')
        await once(idp, 'exit')
      }
      await database.drop()
    },
  }
}

export function planFor(kid: string, apis: string[], more: Partial<PlanInput> = {}): Plan {
  const sessions = [{ sub: 'mallory' }]
  return plan.parse({ incident: 'INC-1', kid, reason: 'seen', sessions, apis: apis.map((url) => ({ url })), ...more })
}

function askForToken(url: string, { clientId, clientSecret }: typeof operator): Promise<Response> {
  const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  return fetch(`${url}/api/v1/token`, { method: 'POST', headers: { authorization }, body })
}

async function isReady(url: string): Promise<boolean> {
  try {
    const reply = await fetch(`${url}/readyz`)
    await reply.body?.cancel()
    return reply.ok
  } catch (cause) {
    // It does not listen yet.
    if (cause instanceof TypeError) return false
    throw cause
  }
}
