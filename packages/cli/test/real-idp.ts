/** A real IdP in a process of its own, on a database of its own, and commands against it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort, type TestDatabase, testDatabase } from '@rekey/database/testing'
import { systemClock } from '../src/clock.ts'
import type { Credential } from '../src/estate/document.ts'
import { temporaryFolder } from './folder.ts'
import { type Ran, run } from './shell.ts'
import { executable } from './up.ts'

const administrator = { clientId: 'operator', clientSecret: `sk_live_${'a'.repeat(64)}` }

export class RealIdp {
  readonly folder = temporaryFolder()
  readonly url: string
  readonly database: TestDatabase
  readonly #environment: Record<string, string | undefined>
  #process: ChildProcess | undefined

  private constructor(database: TestDatabase, port: number, more: Record<string, string>) {
    this.database = database
    this.url = `http://localhost:${port}`
    this.#environment = {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      DATABASE_URL: database.serviceUrl,
      DATABASE_OWNER_URL: database.ownerUrl,
      REKEY_ISSUER: this.url,
      REKEY_PORT: String(port),
      REKEY_ROOT_KEY: 'env:ROOT',
      ROOT: randomBytes(32).toString('hex'),
      REKEY_ANONYMOUS_PROPAGATION: '0s',
      REKEY_AUDIT_CHECKPOINTS: this.checkpoints,
      REKEY_ADMIN_CLIENT_ID: administrator.clientId,
      REKEY_ADMIN_CLIENT_SECRET: administrator.clientSecret,
      ...more,
    }
  }

  /** @param more variables of its environment */
  static async start(more: Record<string, string> = {}): Promise<RealIdp> {
    const idp = new RealIdp(await testDatabase(), await freePort(), { LOG_LEVEL: 'error', ...more })
    // Whoever waits for what it opened would wait for ever.
    await idp.start().catch(async (error) => {
      await idp.database.drop()
      throw error
    })
    return idp
  }

  /** Starts its process, at its address and on its database; resolves when it is ready. */
  async start(): Promise<void> {
    const env = this.#environment
    this.#process = spawn(process.execPath, [executable, 'idp'], { env, stdio: ['ignore', 'inherit', 'inherit'] })
    while (!(await this.#isReady())) await delay(50)
  }

  /** As a machine that loses its power: nothing is said goodbye to. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** What a command line is told of it, as its operator. */
  get operator(): Record<string, string> {
    return environmentOf(this.url, administrator)
  }

  get checkpoints(): string {
    return join(this.folder, 'checkpoints')
  }

  /** Runs a command line against it, as its operator and by the machine's clock. */
  rekey(...words: string[]): Promise<Ran> {
    return this.rekeyAt(this.url, ...words)
  }

  /** The same by another address: of somebody in between. */
  rekeyAt(url: string, ...words: string[]): Promise<Ran> {
    return runAt(url, administrator, words)
  }

  /** The same by somebody who types a line, or whose script does. */
  rekeyTold(stdin: string, ...words: string[]): Promise<Ran> {
    return run(words, this.operator, { now: systemClock, stdin })
  }

  /** The same as somebody else. */
  rekeyAs(client: Credential, ...words: string[]): Promise<Ran> {
    return runAt(this.url, client, words)
  }

  /** The document that a command prints. @throws Error when it fails */
  // biome-ignore lint/suspicious/noExplicitAny: documents are looked at member by member in the tests
  async json(...words: string[]): Promise<any> {
    const { code, stdout, stderr } = await this.rekey(...words, '--json')
    if (code !== 0) throw new Error(`rekey ${words.join(' ')} ended with ${code}: ${stderr}`)
    return JSON.parse(stdout)
  }

  /** Asks for a token; answers with the status of the reply. */
  async token({ clientId, clientSecret }: Credential): Promise<number> {
    const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
    const body = new URLSearchParams({ grant_type: 'client_credentials' })
    const reply = await fetch(`${this.url}/api/v1/token`, { method: 'POST', headers: { authorization }, body })
    await reply.body?.cancel()
    return reply.status
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** Ends it for good, with its database. */
  async remove(): Promise<void> {
    await this.stop()
    await this.database.drop()
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#process === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null) return
    this.#process.kill(signal)
    await once(this.#process, 'exit')
  }

  async #isReady(): Promise<boolean> {
    if (this.#process?.exitCode !== null) throw new Error('the IdP ended before it was ready')
    try {
      const reply = await fetch(`${this.url}/readyz`)
      await reply.body?.cancel()
      return reply.ok
    } catch (cause) {
      // It does not listen yet.
      if (cause instanceof TypeError) return false
      throw cause
    }
  }
}

function runAt(url: string, client: Credential, words: readonly string[]): Promise<Ran> {
  return run(words, environmentOf(url, client), { now: systemClock })
}

function environmentOf(url: string, { clientId, clientSecret }: Credential): Record<string, string> {
  return { REKEY_IDP: url, REKEY_CLIENT_ID: clientId, REKEY_CLIENT_SECRET: clientSecret }
}
