/**
 * The backend for frontend in production, as processes of this machine: an identity provider, replicas on one database, the secrets in
 * files of one folder, a service behind it, and a user.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, type TestDatabase, testDatabase } from '@rekey/database/testing'
import { systemClock } from '../../../src/clock.ts'
import { temporaryFolder } from '../../folder.ts'
import { RealIdp } from '../../real-idp.ts'
import { Browser, type Page } from '../../secrets/browser.ts'
import { type Ran, run } from '../../shell.ts'
import { Replica } from './replica.ts'
import { type Service, startService } from './service.ts'

/** Own clients, which may ask about tokens: users are not asked whether they consent. */
const profiles = Object.fromEntries(
  ['code-flow-secret', 'code-flow-pkjwt'].map((based_on) => [
    `own-${based_on}`,
    {
      based_on,
      scopes: ['openid', 'profile', 'email', 'offline_access', 'tokens:read'],
      default_scopes: ['openid', 'profile', 'email', 'offline_access', 'tokens:read'],
      first_party: true,
    },
  ]),
)

export const clientId = 'bff-server'
const user = { username: 'ada', password: 'a password of some length' }

/** Each with the file that holds it below /run/secrets. */
const secretFiles = {
  REKEY_BFF_ADMIN_TOKEN: 'bff-admin-token',
  TOKEN_HASH_SALT: 'token-hash-salt',
  UA_HASH_SALT: 'ua-hash-salt',
  CSRF_SECRET_KEY: 'csrf-secret-key',
  STATE_TOKEN_KEY: 'state-token-key',
  REKEY_OIDC_BFF_SECRET: 'session-secret',
} as const
export type Secret = keyof typeof secretFiles | 'AUTH_CLIENT_SECRET'

/** What the files of BFF_CONFIG_DIR speak of. */
export interface At {
  idp: string
  service: string
  /** The file of the client secret. */
  clientSecretFile: string
}

export interface Wish {
  idp?: Record<string, string>
  /** The environment of every replica, beside what they need; what is empty is not set. */
  bff?: Record<string, string>
  /** Files of BFF_CONFIG_DIR. */
  files?: (at: At) => Record<string, string>
}

export class Deployment {
  readonly folder = temporaryFolder()
  readonly idp: RealIdp
  readonly service: Service
  readonly publicUrl: string
  readonly #database: TestDatabase
  readonly #env: Record<string, string>
  readonly #replicas: Replica[] = []

  private constructor(parts: { idp: RealIdp; service: Service; database: TestDatabase; port: number }, wish: Wish) {
    this.idp = parts.idp
    this.service = parts.service
    this.#database = parts.database
    this.publicUrl = `http://localhost:${parts.port}`
    for (const name of ['secrets', 'config', 'keys']) mkdirSync(this.path(name))
    for (const name of Object.keys(secretFiles) as Secret[]) this.give(name, newSecret())
    writeFileSync(this.path('secrets/bff-root-key'), randomBytes(32).toString('hex'))
    const at = { idp: this.idp.url, service: this.service.url, clientSecretFile: this.#fileOf('AUTH_CLIENT_SECRET') }
    for (const [name, text] of Object.entries(wish.files?.(at) ?? usualFiles(at))) {
      writeFileSync(this.path(`config/${name}`), text)
    }
    this.#env = { ...this.#usual(), ...wish.bff }
  }

  /** Everything but replicas: these are started one by one. */
  static async start(wish: Wish = {}): Promise<Deployment> {
    const file = join(temporaryFolder(), 'profiles.json')
    writeFileSync(file, JSON.stringify({ profiles }))
    const [service, port] = [await startService(), await freePort()]
    const idp = await RealIdp.start({
      REKEY_CLIENT_PROFILES: file,
      REKEY_ADMIN_USERNAME: user.username,
      REKEY_ADMIN_PASSWORD: user.password,
      REKEY_OUTBOUND_ALLOW: `localhost:${port}`,
      REKEY_JWKS_URI_COOLDOWN: '1ms',
      ...wish.idp,
    })
    return new Deployment({ idp, service, database: await testDatabase(), port }, wish)
  }

  #usual(): Record<string, string> {
    const given = Object.entries({ ...secretFiles, AUTH_CLIENT_SECRET: 'oidc-client-secret' })
    return {
      PATH: process.env.PATH ?? '',
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
      LOG_LEVEL: 'debug',
      REKEY_BFF_URL: this.publicUrl,
      DATABASE_URL: this.#database.serviceUrl,
      DATABASE_OWNER_URL: this.#database.ownerUrl,
      REKEY_ROOT_KEY: `file:${this.path('secrets/bff-root-key')}`,
      IDP_BASE_URL: this.idp.url,
      AUTH_CLIENT_ID: clientId,
      MS_BFF_TOKEN_AUTH_METHOD: 'client_secret_basic',
      BFF_KEYS_DIR: this.path('keys'),
      BFF_KID: 'bff-sig-001',
      BFF_CONFIG_DIR: this.path('config'),
      ...Object.fromEntries(given.map(([name, file]) => [name, `file:${this.path(`secrets/${file}`)}`])),
    }
  }

  get databaseUrl(): string {
    return this.#database.serviceUrl
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  #fileOf(name: Secret): string {
    return this.path(`secrets/${name === 'AUTH_CLIENT_SECRET' ? 'oidc-client-secret' : secretFiles[name]}`)
  }

  /** Writes the file of a secret anew, the newest first, in one step. */
  give(name: Secret, ...secrets: string[]): void {
    const file = this.#fileOf(name)
    writeFileSync(`${file}.tmp`, `${secrets.join('\n')}\n`)
    renameSync(`${file}.tmp`, file)
  }

  /** What the file of a secret has now. */
  given(name: Secret): string[] {
    return readFileSync(this.#fileOf(name), 'utf8').trim().split('\n')
  }

  /** Puts a new one before those that are there. @returns the new one */
  giveAnother(name: Secret): string {
    const secret = newSecret()
    this.give(name, secret, ...this.given(name))
    return secret
  }

  /** Registers the client that authenticates by a secret. */
  async register(more: Record<string, unknown> = {}): Promise<void> {
    const { client_secret: secret } = await this.registered({
      client_id: clientId,
      client_profile: 'own-code-flow-secret',
      redirect_uris: [`${this.publicUrl}/auth/callback`],
      post_logout_redirect_uris: [`${this.publicUrl}/`],
      ...more,
    })
    this.give('AUTH_CLIENT_SECRET', secret)
  }

  /** Registers any client. */
  async registered(metadata: { client_profile: string } & Record<string, unknown>): Promise<{ client_secret: string }> {
    const reply = await fetch(`${this.idp.url}/api/oidc/register`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await this.initialToken(metadata.client_profile)}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(metadata),
    })
    assert.equal(reply.status, 201, await reply.clone().text())
    return (await reply.json()) as { client_secret: string }
  }

  async initialToken(profile: string): Promise<string> {
    return (await this.rekey('dcr', 'token', 'create', 'bff', '--profile', profile)).trim()
  }

  /** The environment of a replica. The first one listens at the public address. What is empty is not set. */
  async envOf(more: Record<string, string> = {}): Promise<Record<string, string>> {
    const port = this.#replicas.length === 0 ? new URL(this.publicUrl).port : String(await freePort())
    const all = { REKEY_PORT: port, ...this.#env, ...more }
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
  }

  /** Starts one more; resolves when it is ready. */
  async replica(more: Record<string, string> = {}): Promise<Replica> {
    const replica = new Replica(await this.envOf(more))
    this.#replicas.push(replica)
    return await replica.ready()
  }

  /** Ends a replica and starts another one in its place, as a rolling deployment does with each. */
  async restarted(replica: Replica, more: Record<string, string> = {}): Promise<Replica> {
    await replica.stop()
    const { REKEY_PORT = '' } = replica.env
    return await this.replica({ ...more, REKEY_PORT })
  }

  /** What an operator's shell says. */
  get operator(): Record<string, string> {
    return {
      ...this.idp.operator,
      REKEY_BFF: this.publicUrl,
      REKEY_USERNAME: user.username,
      REKEY_PASSWORD: user.password,
    }
  }

  /** Runs a command line. @returns what it printed @throws AssertionError when it fails */
  async rekey(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tried(...words)
    assert.equal(code, 0, `rekey ${words.join(' ')}: ${stderr}${stdout}`)
    return stdout
  }

  /** The same, whatever comes of it. */
  tried(...words: string[]): Promise<Ran> {
    return run(words, this.operator, { now: systemClock })
  }

  /** The document that a command prints. */
  // biome-ignore lint/suspicious/noExplicitAny: documents are looked at member by member
  async json(...words: string[]): Promise<any> {
    return JSON.parse(await this.rekey(...words, '--json'))
  }

  /** A token of an agent of the identity provider, for APIs. */
  async bearer(): Promise<string> {
    return (await this.rekey('token')).trim()
  }

  /** Asks below /internal of one replica. */
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked at member by member
  async operate({ url }: Replica, path: string, body?: object): Promise<any> {
    const [token = ''] = this.given('REKEY_BFF_ADMIN_TOKEN')
    const reply = await fetch(`${url}/internal${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await reply.text()
    assert.ok(reply.ok, `${path}: ${reply.status} ${text}`)
    return JSON.parse(text)
  }

  /**
   * A browser whose requests go to one replica, as a balancer may have it.
   *
   * @param headers what that adds
   */
  browserAt({ url }: Replica, headers: Record<string, string> = {}, publicUrl = this.publicUrl): Browser {
    const way = ({ pathname, search }: URL) => ({ url: new URL(pathname + search, url), headers })
    return new Browser((asked) => (asked.origin === publicUrl ? way(asked) : { url: asked }))
  }

  /** Logs a user in, whether the identity provider knows the browser already or not. */
  async logIn(browser = new Browser(), returnTo = '/api/hello'): Promise<Browser> {
    const page = await this.finish(browser, await this.begin(browser, returnTo))
    assert.equal(page.status, 200, `${page.url} ${page.text}`)
    return browser
  }

  /** Up to the page at which the user types his password. */
  begin(browser: Browser, returnTo = '/api/hello'): Promise<Page> {
    return browser.go(`${this.publicUrl}/auth/login?return_to=${encodeURIComponent(returnTo)}`)
  }

  async finish(browser: Browser, page: Page): Promise<Page> {
    return page.url.origin === this.publicUrl ? page : await browser.submit(page, '/login', user)
  }

  async end(): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => replica.stop()))
    await this.idp.remove()
    await this.service.close()
    await this.#database.drop()
  }
}

export const newSecret = (): string => randomBytes(32).toString('base64')

/** The client itself asks about bearer tokens. */
const usualFiles = ({ idp, service, clientSecretFile }: At) => ({
  'routes.yaml': `
services: { api: "${service}" }
routes:
  - { path: /api/hello, target_service: api, methods: [GET, POST], auth: session }
  - { path: /bearer/hello, target_service: api, methods: [GET], auth: bearer }
`,
  'idps.yaml': `
idps:
  - name: rekey
    issuer: ${idp}
    audience: urn:rekey:api
    introspection_url: ${idp}/api/v1/token/introspect
    client_id: ${clientId}
    client_secret_file: ${clientSecretFile}
`,
})
