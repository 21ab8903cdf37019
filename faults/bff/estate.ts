/** Replicas of a backend for frontend behind a balancer, our identity provider, a service, and users. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '@rekey/database/testing'
import { ensureClients } from '@rekey/idp'
import { atEnd } from '../estate/at-end.ts'
import { type DatabaseUrls, databaseOfRun } from '../estate/database.ts'
import { type Estate, type Member, member, startEstate, stateFolder } from '../estate/estate.ts'
import { type Answer, ask, jsonRequest } from '../estate/http.ts'
import type { Environment } from '../estate/process.ts'
import { until } from '../estate/until.ts'
import type { SeenKeyring } from '../record/record.ts'
import { Balancer } from './balancer.ts'
import { Crowd, type Person } from './crowd.ts'
import { type Activity, commuter, listener, resident, sleeper } from './people.ts'
import { startService } from './service.ts'
import { type Account, User } from './user.ts'

const bffEntry = fileURLToPath(new URL('./main.ts', import.meta.resolve('@rekey/bff')))
const adminToken = 'an-admin-token-of-some-length'
const count = { residents: 6, sleepers: 2, commuters: 2, absent: 3 }
/** Each is refreshed after half of it. */
const accessTokenTtl = '10s'

/** The provider, as browsers and replicas reach it. */
const profile = {
  based_on: 'code-flow-pkjwt',
  scopes: ['openid', 'profile', 'email', 'offline_access', 'roles'],
  first_party: true,
}

export class BffEstate {
  readonly idp: Member
  readonly replicas: readonly [Member, Member]
  readonly crowd = new Crowd()
  /** Logged in from the beginning to the end. */
  readonly people: readonly Person[]
  /** Logged in, and asking for nothing. */
  absent: readonly Person[] = []
  /** Requests of replicas for tokens by a refresh token. */
  refreshes = 0
  readonly #absentUsers: readonly User[]
  readonly #commuters: readonly User[]
  #going: Activity[] = []
  #coming: Activity[] = []
  #refreshing: () => void = () => undefined

  private constructor(idp: Member, replicas: readonly [Member, Member], people: Person[], others: User[]) {
    this.idp = idp
    this.replicas = replicas
    this.people = people
    this.#commuters = others.slice(0, count.commuters)
    this.#absentUsers = others.slice(count.commuters)
  }

  /** @param database of the replicas. Default: one of its own on the server of the run */
  static async start(t: TestContext, database?: DatabaseUrls): Promise<BffEstate> {
    const { estate, front, accounts } = await startProvider(t)
    const balancer = await Balancer.start(t)
    const folder = await configure(t, await startService(t))
    const environment = await environmentOf(estate, front, balancer, folder, database ?? (await databaseOfRun(t)))
    const replicas = await startReplicas(t, environment)
    balancer.targets = replicas.map(({ url }) => url)
    const users = accounts.map((account) => new User(balancer.url, account))
    const crowd = new Crowd()
    const residents = users.slice(0, count.residents + count.sleepers)
    const people: Person[] = []
    for (const user of residents) people.push(await until(`${user.account.username} logs in`, () => crowd.logIn(user)))
    const [idp] = estate.idps as [Member]
    const started = new BffEstate(idp, replicas, people, users.slice(residents.length))
    front.passed = ({ url }, body) => {
      if (!url?.endsWith('/token') || !body.includes('grant_type=refresh_token')) return
      started.refreshes += 1
      started.#refreshing()
    }
    await started.#absent()
    started.#begin()
    atEnd(t, () => started.stop())
    return started
  }

  #begin(): void {
    const { crowd, people } = this
    this.#going = people.map((person, n) =>
      n < count.residents ? resident(crowd, person, n % 2 === 0) : sleeper(crowd, person),
    )
    this.#going.push(...people.slice(0, 2).map((person) => listener(crowd, person)))
    this.resumeLogins()
  }

  /** Logs those in who then ask for nothing. */
  async #absent(): Promise<void> {
    this.absent = await Promise.all(
      this.#absentUsers.map((user) => until(`${user.account.username} logs in`, () => this.crowd.logIn(user))),
    )
  }

  resumeLogins(): void {
    const urls = this.replicas.map(({ url }) => url)
    this.#coming = this.#commuters.map((user) => commuter(this.crowd, user, urls))
  }

  async pauseLogins(): Promise<void> {
    await Promise.all(this.#coming.splice(0).map((activity) => activity.stop()))
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#going.splice(0), ...this.#coming.splice(0)].map((activity) => activity.stop()))
  }

  /** Resolves when a replica has asked for tokens by a refresh token, which are not answered yet. */
  nextRefresh(): Promise<void> {
    return new Promise((resolve) => {
      this.#refreshing = resolve
    })
  }

  /** Below /internal. Undefined where nobody answered. */
  operate({ url }: Member, method: string, path: string, body?: object): Promise<Answer | undefined> {
    return ask(`${url}/internal/${path}`, jsonRequest(method, `Bearer ${adminToken}`, body))
  }

  async keyring(replica: Member, name: string): Promise<SeenKeyring | undefined> {
    const answer = await this.operate(replica, 'GET', `keyrings/${name}`)
    return answer?.status === 200 ? answer.body : undefined
  }

  /** The end of every scenario: all is at rest, everybody is as he was left, and nobody was answered what is wrong. */
  async conclude(): Promise<void> {
    await this.stop()
    for (const replica of this.replicas) {
      for (const name of ownKeyrings) {
        await until(`${name} is at rest at ${replica.name}`, async () => {
          const seen = await this.keyring(replica, name)
          return seen && seen.rotation === undefined && seen.versions.some(({ state }) => state === 'prepared')
        })
      }
      for (const ended of this.crowd.ended) await this.crowd.expectEnded(replica.url, ended)
    }
    for (const person of [...this.people, ...this.people]) await this.crowd.get(person)
    for (const person of this.people) await this.crowd.post(person)
    this.crowd.conclude()
  }
}

export const ownKeyrings = ['csrf', 'state', 'session', 'token-hash', 'ua-hash']

/** The instance is behind an address of its own, so that what passes can be seen. */
async function startProvider(t: TestContext): Promise<{ estate: Estate; front: Balancer; accounts: Account[] }> {
  const front = await Balancer.start(t)
  const profiles = join(await stateFolder(t), 'profiles.json')
  await writeFile(profiles, JSON.stringify({ profiles: { bff: profile } }))
  const database = await databaseOfRun(t)
  const own = {
    REKEY_ISSUER: front.url,
    REKEY_CLIENT_PROFILES: profiles,
    REKEY_ACCESS_TOKEN_TTL: accessTokenTtl,
    REKEY_ROLLBACK_WINDOW: '10s',
  }
  const estate = await startEstate(t, { idps: 1, apis: 0, database, idpEnvironment: () => own })
  front.targets = estate.idps.map(({ url }) => url)
  const total = Object.values(count).reduce((sum, one) => sum + one)
  const accounts = Array.from({ length: total }, (_, n) => ({
    username: `user-${n}`,
    password: `correct-horse-battery-${n}`,
  }))
  await ensureClients(database.ownerUrl, { agents: [], verifiers: [], accounts })
  return { estate, front, accounts }
}

async function configure(t: TestContext, service: string): Promise<string> {
  const folder = await stateFolder(t)
  await mkdir(join(folder, 'keys'), { mode: 0o700 })
  const hello = { path: '/api/hello', target_service: service, methods: ['GET', 'POST'], auth: 'session' }
  const events = { path: '/api/events', target_service: service, methods: ['GET'], auth: 'session', streaming: true }
  // JSON is YAML.
  await writeFile(join(folder, 'routes.yaml'), JSON.stringify({ routes: [hello, events] }))
  return folder
}

async function environmentOf(
  { admin, idps }: Estate,
  front: Balancer,
  balancer: Balancer,
  folder: string,
  { serviceUrl, ownerUrl }: DatabaseUrls,
): Promise<Environment> {
  const grant = { label: 'bff', expires_in: 600, max_usages: 1, client_id: 'bff', client_profile: 'bff' }
  const path = '/api/admin/dcr/initial-access-tokens'
  const made = await until('an initial access token', async () => {
    const answer = await admin.call(idps[0]?.url ?? '', 'POST', path, grant)
    if (answer && answer.status >= 400) throw new Error(JSON.stringify(answer.body))
    return answer
  })
  return {
    REKEY_BFF_URL: balancer.url,
    DATABASE_URL: serviceUrl,
    DATABASE_OWNER_URL: ownerUrl,
    REKEY_ROOT_KEY: 'env:ROOT',
    ROOT: '7b'.repeat(32),
    IDP_BASE_URL: front.url,
    AUTH_SCOPES: 'openid profile',
    AUTH_RESOURCE: 'urn:rekey:api',
    MS_BFF_TOKEN_AUTH_METHOD: 'private_key_jwt',
    BFF_KEYS_DIR: join(folder, 'keys'),
    BFF_CONFIG_DIR: folder,
    DCR_CLIENT_ID: 'bff',
    DCR_CLIENT_PROFILE: 'bff',
    DCR_IAT: made.body.token,
    TOKEN_HASH_SALT: 'keyring:',
    REKEY_BFF_ADMIN_TOKEN: adminToken,
    REKEY_ROLLBACK_WINDOW: '10s',
    REKEY_CLOCK_SKEW: '5s',
  }
}

/** The first one registers the client; the second one finds it in their folder. */
async function startReplicas(t: TestContext, environment: Environment): Promise<[Member, Member]> {
  const start = async (name: string): Promise<Member> => {
    const port = await freePort()
    const replica = member(t, name, `http://localhost:${port}`, bffEntry, { ...environment, REKEY_PORT: `${port}` })
    await replica.process.ready()
    return replica
  }
  return [await start('bff-0'), await start('bff-1')]
}
