/** A PostgreSQL of a scenario's own, that may be killed and started again on the same data and port. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Embedded, startEmbedded } from '@rekey/database'
import { freePort } from '@rekey/database/testing'
import { migrateIdp } from '@rekey/idp'
import { atEnd } from './at-end.ts'
import type { DatabaseUrls } from './database.ts'

export class Server {
  readonly home: string
  readonly port: number
  #embedded: Embedded

  private constructor(home: string, port: number, embedded: Embedded) {
    this.home = home
    this.port = port
    this.#embedded = embedded
  }

  /** Starts one on a new, migrated database. */
  static async start(t: TestContext, home?: string): Promise<Server> {
    const place = home ?? (await newHome(t))
    const port = await freePort()
    const server = new Server(place, port, await startEmbedded({ home: place, port }))
    atEnd(t, () => server.stop())
    await migrateIdp(server.urls.ownerUrl)
    return server
  }

  get urls(): DatabaseUrls {
    return this.#embedded
  }

  /** The database of backends for frontends, empty at first. */
  get bffUrls(): DatabaseUrls {
    return this.#embedded.bff
  }

  get pid(): number {
    return this.#embedded.pid
  }

  /** Where its data lies, and how it ended. */
  get dataFolder(): string {
    return this.#embedded.dataFolder
  }

  get exited(): Promise<unknown> {
    return this.#embedded.exited
  }

  /** SIGKILL of the server itself; its children end when they notice. */
  async kill(): Promise<void> {
    process.kill(this.#embedded.pid, 'SIGKILL')
    await this.#embedded.exited
  }

  /** @throws DatabaseError when it does not start */
  async restart(): Promise<void> {
    this.#embedded = await startEmbedded({ home: this.home, port: this.port })
  }

  async stop(): Promise<void> {
    await this.#embedded.stop()
  }
}

/** A home below a folder that PostgreSQL's own user may enter. */
async function newHome(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-faults-server-'))
  atEnd(t, () => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o711)
  return join(folder, 'home')
}
