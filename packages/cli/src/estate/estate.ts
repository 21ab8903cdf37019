import { rmSync } from 'node:fs'
import { migrations as bffMigrations } from '@rekey/bff'
import { ensureEvidenceKey } from '@rekey/breakglass'
import { migrate } from '@rekey/database'
import { managementScopes, migrateIdp, ensureClients as registerClients } from '@rekey/idp'
import type { Clock } from '../clock.ts'
import { ensureBffFiles } from './bff-files.ts'
import { mustRegister } from './bff-registration.ts'
import { Child, type Part, type Witness } from './child.ts'
import { writeClientProfiles } from './client-profiles.ts'
import { type Clients, ensureClients } from './clients.ts'
import { Database, type DatabaseUrls, namedDatabase, requireBffDatabase } from './database.ts'
import type { Estate } from './document.ts'
import { evidenceKeyFile } from './evidence-key.ts'
import { ensureDatabaseFolder, type Home, makeHome } from './home.ts'
import { endLeftovers } from './leftovers.ts'
import { Lock } from './lock.ts'
import { apiParts, bffParts, bffUrl, idpParts, type Plan, urlAt } from './parts.ts'
import { type Ports, requireFree } from './ports.ts'
import { writePrivateFile } from './private-file.ts'
import { untilReady } from './ready.ts'
import { ensureRootKey } from './root-key.ts'

/** How an estate is run. */
export interface EstateOptions {
  home: Home
  ports: Ports
  env: Readonly<Record<string, string | undefined>>
  pid: number
  fetch: typeof globalThis.fetch
  now: Clock
  monotonic: Clock
  /** A line for the person at the terminal. */
  tell: (line: string) => void
}

// With the 1.4 s after which PostgreSQL is killed, well below the 3 s in which everything has to be gone.
const frontGraceMs = 400
const idpGraceMs = 600
// Not the name of the client that the BFF registers: commands find an agent by id or name.
const bffAgent = 'bff-introspection'

/**
 * The whole estate on one machine: PostgreSQL, the instances of the IdP, two APIs and the backend for frontend, started in this
 * order and stopped in the other one, so that at every moment what runs has what it needs.
 */
export class RunningEstate {
  readonly #options: EstateOptions
  readonly #lock: Lock
  #database: Database | undefined
  #idps: Child[] = []
  #apis: Child[] = []
  #bffs: Child[] = []

  private constructor(options: EstateOptions, lock: Lock) {
    this.#options = options
    this.#lock = lock
  }

  /**
   * Starts everything and waits until it is ready. When it cannot, or is interrupted, nothing is left running.
   *
   * @throws CliError `ESTATE_RUNNING`, `PORT_TAKEN`, `START_FAILED`; an AbortError when interrupted
   */
  static async start(
    options: EstateOptions,
    interrupted: AbortSignal,
  ): Promise<{ run: RunningEstate; estate: Estate }> {
    makeHome(options.home)
    const run = new RunningEstate(options, Lock.acquire(options.home.lockFile, options.pid))
    try {
      return { run, estate: await run.#start(interrupted) }
    } catch (error) {
      await run.stop()
      throw error
    }
  }

  /** Stops BFF and APIs (these say goodbye to the IdP), then the IdP's instances, then PostgreSQL. */
  async stop(): Promise<void> {
    rmSync(this.#options.home.estateFile, { force: true })
    await Promise.all([...this.#bffs, ...this.#apis].map((child) => child.stop(frontGraceMs)))
    await Promise.all(this.#idps.map((idp) => idp.stop(idpGraceMs)))
    await this.#database?.stop()
    this.#lock.release()
  }

  async #start(interrupted: AbortSignal): Promise<Estate> {
    const { home, ports, env } = this.#options
    const hasBff = ports.bffs.length > 0
    if (hasBff) requireBffDatabase(env)
    rmSync(home.estateFile, { force: true })
    await this.#takeOver()
    await this.#requirePorts(namedDatabase(env) !== undefined)
    ensureRootKey(home.rootKeyFile)
    ensureEvidenceKey(evidenceKeyFile(env, home))
    const clients = ensureClients(home)
    const plan: Plan = { home, ports, env, clients, ...(hasBff ? { profiles: writeClientProfiles(env, home) } : {}) }
    if (hasBff) ensureBffFiles(home.bff, clients)
    interrupted.throwIfAborted()
    const database = namedDatabase(env) ?? (await this.#startDatabase())
    interrupted.throwIfAborted()
    await this.#prepareDatabase(database.ownerUrl, plan.clients)
    interrupted.throwIfAborted()
    this.#idps = this.#childrenOf(idpParts(plan, database))
    await this.#startAll(this.#idps, interrupted)
    this.#apis = this.#childrenOf(apiParts(plan))
    await this.#startAll(this.#apis, interrupted)
    if (hasBff) await this.#startBff(plan, interrupted)
    const bffDatabase = hasBff ? (namedDatabase(env, 'BFF_') ?? this.#database?.bff)?.ownerUrl : undefined
    return this.#publish(plan, database.ownerUrl, bffDatabase)
  }

  async #startBff(plan: Plan, interrupted: AbortSignal): Promise<void> {
    const { env, home } = plan
    // One of them is there: who names the IdP's database by its URL has to name this one too.
    const database = namedDatabase(env, 'BFF_') ?? (this.#database?.bff as DatabaseUrls)
    const { ownerUrl, serviceUrl } = database
    await migrate(ownerUrl, bffMigrations, { serviceRole: decodeURIComponent(new URL(serviceUrl).username) })
    interrupted.throwIfAborted()
    const idp = { idp: urlAt(plan.ports.idps[0]), idps: plan.ports.idps.map(urlAt), admin: plan.clients.admin }
    const registers = await mustRegister(idp, home.bff, this.#options)
    interrupted.throwIfAborted()
    this.#bffs = this.#childrenOf(bffParts(plan, database, registers))
    await this.#startAll(this.#bffs, interrupted)
  }

  async #takeOver(): Promise<void> {
    if (!this.#lock.tookOver) return
    this.#options.tell('An earlier "rekey up" on this home was killed: taking over what it left.')
    await endLeftovers(this.#lock.leftBehind, this.#options.monotonic)
  }

  async #requirePorts(databaseIsElsewhere: boolean): Promise<void> {
    const { ports } = this.#options
    const database = { port: ports.database, use: 'PostgreSQL' }
    await requireFree([
      ...ports.bffs.map((port, index) => ({ port, use: index === 0 ? 'BFF' : `BFF ${index + 1}` })),
      ...ports.idps.map((port, index) => ({ port, use: index === 0 ? 'IdP' : `IdP ${index + 1}` })),
      ...ports.apis.map((port, index) => ({ port, use: `api-${index + 1}` })),
      // A killed estate's PostgreSQL may still be there. It is ended, or refused, by the one who starts the new one: by its
      // data folder he knows whose it is.
      ...(this.#lock.tookOver || databaseIsElsewhere ? [] : [database]),
    ])
  }

  async #startDatabase(): Promise<Database> {
    const { home, ports, tell } = this.#options
    this.#database = await Database.start({ home: ensureDatabaseFolder(home), port: ports.database, tell })
    return this.#database
  }

  async #prepareDatabase(ownerUrl: string, clients: Clients): Promise<void> {
    const { home, ports, tell } = this.#options
    await migrateIdp(ownerUrl)
    const shutOut = await registerClients(ownerUrl, {
      agents: [
        { ...clients.admin, name: 'admin', scopes: managementScopes },
        { ...clients.agent, name: 'agent', scopes: [] },
        ...(ports.bffs.length > 0 ? [{ ...clients.bff, name: bffAgent, scopes: ['tokens:read'] }] : []),
      ],
      verifiers: clients.verifiers.map((verifier, index) => ({ ...verifier, name: `api-${index + 1}` })),
      accounts: [clients.user],
    })
    for (const clientId of shutOut) {
      tell(
        `The client ${clientId} of this home is shut out: it was suspended, or its secret rotated or revoked. Put its new ` +
          `secret into ${home.clientsFile}, or remove that file to begin with new clients.`,
      )
    }
  }

  #childrenOf(parts: readonly Part[]): Child[] {
    return parts.map((part) => new Child(part, this.#witness, this.#options.monotonic))
  }

  async #startAll(children: readonly Child[], interrupted: AbortSignal): Promise<void> {
    for (const child of children) child.start()
    const settled = new AbortController()
    const signal = AbortSignal.any([interrupted, settled.signal])
    try {
      await Promise.all(children.map((child) => untilReady(child, this.#options, signal)))
    } finally {
      // When one of them fails, nobody waits for the others.
      settled.abort()
    }
  }

  get #witness(): Witness {
    return {
      started: (_part, pid) => this.#lock.record(pid),
      died: (part, how, restartInMs) =>
        this.#options.tell(`${part.name} ${how}; it is started again in ${restartInMs} ms (log: ${part.logFile})`),
    }
  }

  #publish(plan: Plan, database: string, bffDatabase: string | undefined): Estate {
    const { home, ports, clients } = plan
    const bff = bffUrl(plan)
    const estate: Estate = {
      idp: urlAt(ports.idps[0]),
      idps: ports.idps.map(urlAt),
      ...(bff === undefined ? {} : { bff, bffs: ports.bffs.map(urlAt) }),
      apis: ports.apis.map(urlAt),
      database,
      ...(bffDatabase === undefined ? {} : { bffDatabase }),
      admin: clients.admin,
      agent: clients.agent,
      user: clients.user,
    }
    writePrivateFile(home.estateFile, `${JSON.stringify(estate, null, 2)}\n`)
    return estate
  }
}
