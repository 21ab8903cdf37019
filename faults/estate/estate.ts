/**
 * A whole estate of real processes: a database, instances of the identity provider, APIs that verify, and a load on all
 * of it. Each may be killed, stopped or cut off by a scenario; at the end everything must have come to rest by itself,
 * and the recording must show no breach.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '@rekey/database/testing'
import { ensureClients, managementScopes } from '@rekey/idp'
import { breachesOf } from '../record/invariants.ts'
import { Load } from '../record/load.ts'
import { Recording } from '../record/record.ts'
import { Administrator, untilReady } from './administrator.ts'
import { atEnd } from './at-end.ts'
import { type DatabaseUrls, databaseOfRun } from './database.ts'
import { ask, type Credential, send, tokenRequest } from './http.ts'
import { type Environment, Process } from './process.ts'
import { atRest } from './rest.ts'
import { until } from './until.ts'

const idpEntry = fileURLToPath(new URL('./main.ts', import.meta.resolve('@rekey/idp')))
const apiEntry = fileURLToPath(new URL('../../examples/api/src/main.ts', import.meta.url))

export interface EstateOptions {
  idps?: number
  apis?: number
  /** Migrated. Default: one of its own on the server of the run. */
  database?: DatabaseUrls
  /** What instance `k` is told beyond the usual. */
  idpEnvironment?: (k: number) => Environment
  /** What API `k` is told beyond the usual, given the addresses of the instances. */
  apiEnvironment?: (k: number, idps: readonly string[]) => Environment | Promise<Environment>
}

/** A process of the estate at its address. */
export interface Member {
  name: string
  url: string
  process: Process
  /** Starts it anew at the same address, and waits until it is ready. */
  restart(): Promise<void>
}

/**
 * A thing that was answered, and whether it is still true: undefined when it is, otherwise what is wrong. An instance may say
 * that it cannot tell at the moment: it is asked again.
 */
type Promised = () => Promise<string | undefined>

export class Estate {
  readonly idps: readonly Member[]
  readonly apis: readonly Member[]
  readonly recording = new Recording()
  readonly admin: Administrator
  /** What that one signs in with. */
  readonly administrator: Credential
  readonly agent: Credential
  readonly prober: Credential
  readonly #promised: Promised[] = []
  #load: Load | undefined

  constructor(clients: Clients, idps: readonly Member[], apis: readonly Member[]) {
    this.idps = idps
    this.apis = apis
    this.agent = clients.agent
    this.prober = clients.prober
    this.administrator = clients.admin
    this.admin = new Administrator(clients.admin, this.recording)
  }

  startLoad(): void {
    const addresses = (members: readonly Member[]) => members.map(({ url }) => url)
    const { agent, recording } = this
    this.#load = new Load({ idps: addresses(this.idps), apis: addresses(this.apis), agent, recording })
  }

  async stopLoad(): Promise<void> {
    await this.#load?.stop()
  }

  /** A token of the first instance. */
  async token(): Promise<string> {
    const { status, body } = await send(`${this.idps[0]?.url}/api/v1/token`, tokenRequest(this.agent))
    assert.equal(status, 200)
    return body.access_token
  }

  /** Remembers an agent whose secret was answered: it must be good at every instance at the end. */
  promiseAgent(credential: Credential): void {
    this.#promised.push(async () => {
      for (const { url, name } of this.idps) {
        const status = await until(`${name} answers agent ${credential.clientId}`, async () => {
          const reply = await ask(`${url}/api/v1/token`, tokenRequest(credential))
          return reply?.status !== 503 && reply?.status
        })
        if (status !== 200)
          return `${name} answers ${status} to agent ${credential.clientId}, whose secret was answered`
      }
      return undefined
    })
  }

  /** Remembers what a keyring was answered to have: at the end it must have it still, at every instance. */
  promiseState(keyring: string, id: string, states: readonly string[]): void {
    this.#promised.push(async () => {
      for (const { url, name } of this.idps) {
        const seen = await until(`${name} shows ${keyring}`, () => this.admin.keyring(url, keyring))
        const state = seen.versions.find((version) => version.id === id)?.state
        if (!states.includes(state ?? '')) return `${name} shows ${id} as ${state}, not as ${states.join(' or ')}`
      }
      return undefined
    })
  }

  /**
   * The end of every scenario: all comes to rest, what was answered is true, and the recording shows no breach.
   *
   * @param options.expected breaches that the fault explains; the scenario says why
   */
  async conclude({ expected }: { expected?: RegExp } = {}): Promise<void> {
    await atRest(this)
    await this.stopLoad()
    const broken = await Promise.all(this.#promised.map((holds) => holds()))
    assert.deepEqual(broken.filter(Boolean), [], 'what was answered is true')
    const breaches = breachesOf(this.recording).filter((breach) => !expected?.test(breach))
    assert.deepEqual(breaches, [], 'the invariants hold')
    const { issued, judged } = this.recording
    assert.ok(issued.length > 0 && judged.some(({ status }) => status === 200), 'there was a load to judge by')
  }
}

interface Clients {
  admin: Credential
  agent: Credential
  prober: Credential
  verifiers: Credential[]
}

export async function startEstate(t: TestContext, options: EstateOptions = {}): Promise<Estate> {
  const database = options.database ?? (await databaseOfRun(t))
  const clients = await makeClients(database, options.apis ?? 2)
  const ports = await Promise.all(Array.from({ length: options.idps ?? 2 }, freePort))
  const addresses = ports.map((port) => `http://localhost:${port}`)
  const issuer = addresses[0] ?? ''
  const idps = ports.map((port, k) => {
    const own = { REKEY_ISSUER: issuer, REKEY_PORT: `${port}`, ...usual(database), ...options.idpEnvironment?.(k) }
    return member(t, `idp-${k}`, addresses[k] ?? '', idpEntry, own)
  })
  // At once: on an empty database they find out among themselves who makes the first keys.
  await Promise.all(idps.map(({ process }) => process.ready()))
  const folder = await stateFolder(t)
  const apis = await Promise.all(
    clients.verifiers.map(async (verifier, k) => {
      const port = await freePort()
      const own = apiEnvironment(`api-${k}`, verifier, { issuer, addresses, folder, port })
      const environment = { ...own, ...(await options.apiEnvironment?.(k, addresses)) }
      return member(t, `api-${k}`, `http://localhost:${port}`, apiEntry, environment)
    }),
  )
  await Promise.all(apis.map(({ process }) => process.ready()))
  const estate = new Estate(clients, idps, apis)
  atEnd(t, () => estate.stopLoad())
  return estate
}

const usual = ({ serviceUrl, ownerUrl }: DatabaseUrls): Environment => ({
  DATABASE_URL: serviceUrl,
  DATABASE_OWNER_URL: ownerUrl,
  REKEY_ROOT_KEY: 'env:ROOT',
  ROOT: '5e'.repeat(32),
  // Nobody but the APIs of the estate reads its keys.
  REKEY_ANONYMOUS_PROPAGATION: '0s',
  REKEY_ACCESS_TOKEN_TTL: '2m',
  REKEY_CLOCK_SKEW: '5s',
})

function apiEnvironment(
  name: string,
  { clientId, clientSecret }: Credential,
  { issuer, addresses, folder, port }: { issuer: string; addresses: string[]; folder: string; port: number },
): Environment {
  return {
    REKEY_ISSUER: issuer,
    REKEY_TRUST_URLS: addresses.join(','),
    REKEY_TRUST_CLIENT_ID: clientId,
    REKEY_TRUST_CLIENT_SECRET: clientSecret,
    REKEY_STATE_FILE: join(folder, `${name}.json`),
    REKEY_INSTANCE: 'process',
    PORT: `${port}`,
  }
}

/** Starts a process of the estate, which ends with the test. */
export function member(t: TestContext, name: string, url: string, entry: string, environment: Environment): Member {
  const start = () => new Process(name, entry, environment)
  const running: Member = {
    name,
    url,
    process: start(),
    async restart() {
      running.process = start()
      await running.process.ready()
      await untilReady(url)
    },
  }
  atEnd(t, () => running.process.kill())
  return running
}

/** A folder that goes with the test. */
export async function stateFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-faults-'))
  atEnd(t, () => rm(folder, { recursive: true, force: true }))
  return folder
}

async function makeClients({ ownerUrl }: DatabaseUrls, apis: number): Promise<Clients> {
  const [admin, agent, prober] = [newCredential('admin'), newCredential('agent'), newCredential('prober')]
  const verifiers = Array.from({ length: apis }, (_, k) => newCredential(`api-${k}`))
  await ensureClients(ownerUrl, {
    agents: [
      { ...admin, name: 'admin', scopes: managementScopes },
      { ...agent, name: 'agent', scopes: [] },
    ],
    verifiers: [prober, ...verifiers].map((credential) => ({ ...credential, name: credential.clientId })),
  })
  return { admin, agent, prober, verifiers }
}

const newCredential = (clientId: string): Credential => ({
  clientId,
  clientSecret: `sk_live_${randomBytes(32).toString('hex')}`,
})
