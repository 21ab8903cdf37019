import { startEmbedded } from '@rekey/database'
import { CliError, messageOf } from '../error.ts'

type Environment = Readonly<Record<string, string | undefined>>
type Embedded = Awaited<ReturnType<typeof startEmbedded>>

/** Where the estate's data is kept. */
export interface DatabaseUrls {
  /** For migrations: owns the tables. */
  ownerUrl: string
  /** For the service: need not own the tables. */
  serviceUrl: string
  /** For LISTEN, where `serviceUrl` leads through a pooler that cannot carry it. */
  directUrl?: string
}

/**
 * The PostgreSQL that the environment names by DATABASE_URL (DATABASE_OWNER_URL, DATABASE_DIRECT_URL), if it does.
 *
 * @param prefix of these names: `BFF_` for the database of the backend for frontend
 */
export function namedDatabase(env: Environment, prefix: '' | 'BFF_' = ''): DatabaseUrls | undefined {
  const serviceUrl = env[`${prefix}DATABASE_URL`]
  if (!serviceUrl) return undefined
  const directUrl = env[`${prefix}DATABASE_DIRECT_URL`]
  const ownerUrl = env[`${prefix}DATABASE_OWNER_URL`] || serviceUrl
  return { serviceUrl, ownerUrl, ...(directUrl ? { directUrl } : {}) }
}

/**
 * What a PostgreSQL of the operator's calls its second database is not guessed, and in the IdP's own the BFF has no place: either
 * service would get at what the other keeps.
 *
 * @throws CliError `WRONG_USE`
 */
export function requireBffDatabase(env: Environment): void {
  const [idp, bff] = [namedDatabase(env), namedDatabase(env, 'BFF_')]
  if (idp === undefined) return
  const ways = 'BFF_DATABASE_URL (and BFF_DATABASE_OWNER_URL, BFF_DATABASE_DIRECT_URL)'
  const off = 'REKEY_BFF=off runs the estate without one'
  if (bff === undefined) {
    throw new CliError(
      'WRONG_USE',
      `DATABASE_URL names a PostgreSQL of yours: name another database for the backend for frontend by ${ways}. ${off}`,
    )
  }
  if (placeOf(idp) === placeOf(bff)) {
    throw new CliError('WRONG_USE', `BFF_DATABASE_URL names the IdP’s database: it has to be one of its own. ${off}`)
  }
}

function placeOf({ serviceUrl }: DatabaseUrls): string {
  if (!URL.canParse(serviceUrl)) return serviceUrl
  const { host, pathname } = new URL(serviceUrl)
  return host + pathname
}

/** How the embedded PostgreSQL is started. */
export interface DatabaseOptions {
  /** The folder that it may fill. */
  home: string
  port: number
  /** A line for the person at the terminal. */
  tell: (line: string) => void
}

const firstBackoffMs = 250
const longestBackoffMs = 10_000

/** The estate's own PostgreSQL, started again whenever it dies, for as long as it takes. */
export class Database implements DatabaseUrls {
  readonly #options: DatabaseOptions
  #server: Embedded
  #timer: NodeJS.Timeout | undefined
  #restarting: Promise<void> | undefined
  #backoffMs = firstBackoffMs
  #stopping = false

  private constructor(options: DatabaseOptions, server: Embedded) {
    this.#options = options
    this.#server = server
    this.#watch()
  }

  /** @throws DatabaseError when it cannot be started: a taken port, a folder in use, a full disk */
  static async start(options: DatabaseOptions): Promise<Database> {
    return new Database(options, await startEmbedded({ home: options.home, port: options.port }))
  }

  get ownerUrl(): string {
    return this.#server.ownerUrl
  }

  get serviceUrl(): string {
    return this.#server.serviceUrl
  }

  /** That of the backend for frontend. */
  get bff(): DatabaseUrls {
    return this.#server.bff
  }

  /** Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    await this.#restarting
    await this.#server.stop()
  }

  #watch(): void {
    this.#server.exited.then(() => this.#again('PostgreSQL ended'))
  }

  #again(what: string): void {
    if (this.#stopping) return
    const pauseMs = this.#backoffMs
    this.#backoffMs = Math.min(pauseMs * 2, longestBackoffMs)
    this.#options.tell(`${what}; it is started again in ${pauseMs} ms`)
    this.#timer = setTimeout(() => {
      this.#restarting = this.#restart()
    }, pauseMs)
  }

  async #restart(): Promise<void> {
    try {
      this.#server = await startEmbedded({ home: this.#options.home, port: this.#options.port })
    } catch (error) {
      this.#again(`PostgreSQL does not start (${messageOf(error)})`)
      return
    }
    this.#backoffMs = firstBackoffMs
    this.#watch()
  }
}
