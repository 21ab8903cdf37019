import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, existsSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Estate } from '../src/estate/document.ts'
import { isFree, mostBffs, mostIdps, portsOf } from '../src/estate/ports.ts'
import { temporaryFolder } from './folder.ts'
import type { Ran } from './shell.ts'

export const executable = fileURLToPath(new URL('../bin/rekey.js', import.meta.url))

/** A home and a place for its ports, as a person has them in his shell. */
export class Place {
  readonly home = temporaryFolder()
  readonly base: number
  /** Variables beside those of the place. */
  more: Record<string, string> = {}
  readonly owner: { uid: number; gid: number } | undefined

  private constructor(base: number, owner: Place['owner']) {
    this.base = base
    this.owner = owner
    if (owner) chownSync(this.home, owner.uid, owner.gid)
  }

  static async find(owner?: { uid: number; gid: number }): Promise<Place> {
    for (;;) {
      const base = 20_000 + Math.floor(Math.random() * 10_000)
      if ((await takenPorts(base)).length === 0) return new Place(base, owner)
    }
  }

  get env(): Record<string, string> {
    const { PATH = '', NODE_COMPILE_CACHE: cache } = process.env
    return {
      ...this.more,
      PATH,
      ...(cache && { NODE_COMPILE_CACHE: cache }),
      HOME: this.home,
      REKEY_HOME: join(this.home, '.rekey'),
      REKEY_PORT_BASE: String(this.base),
    }
  }

  path(name: string): string {
    return join(this.home, '.rekey', name)
  }

  get estate(): Estate {
    return JSON.parse(readFileSync(this.path('estate.json'), 'utf8'))
  }

  /** The numbers of the ports that somebody holds. */
  takenPorts(): Promise<number[]> {
    return takenPorts(this.base)
  }

  /** Starts `rekey up` at the head of a process group of its own, as a shell does. */
  up(...options: string[]): Up {
    const stdio = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe']
    const spawning = { env: this.env, cwd: this.home, detached: true, stdio, ...this.owner }
    return new Up(spawn(process.execPath, [executable, 'up', ...options], spawning))
  }

  /** Runs any other command and waits for its end. */
  rekey(...words: string[]): Promise<Ran> {
    return this.start(...words).ended
  }

  /** Puts the estate under load, however long what is tried meanwhile takes here. @returns what ends it */
  async load(rate: number): Promise<() => Promise<Ran>> {
    const load = this.start('load', '--rate', String(rate), '--seconds', '600', '--json')
    const ended = load.ended.then(({ stderr }) => Promise.reject(new Error(`the load ended:\n${stderr}`)))
    // Its first line: requests are under way.
    await Promise.race([once(load.process.stderr as NodeJS.ReadableStream, 'data'), ended])
    ended.catch(() => undefined)
    return () => {
      load.process.kill('SIGINT')
      return load.ended
    }
  }

  /** The same without waiting for its end. */
  start(...words: string[]): { process: ChildProcess; ended: Promise<Ran> } {
    const child = spawn(process.execPath, [executable, ...words], { env: this.env, cwd: this.home, ...this.owner })
    const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)]
    const ended = once(child, 'close').then(([code]) => ({ code, stdout: stdout(), stderr: stderr() }))
    return { process: child, ended }
  }

  /** Removes the estate's home, and nothing else. @returns where its PostgreSQL may have kept data elsewhere */
  removeHome(): string[] {
    const apart = this.removeDatabase()
    rmSync(this.path('.'), { recursive: true, force: true })
    return apart
  }

  /** Removes what the home has of the database. @returns where PostgreSQL may have kept data elsewhere */
  removeDatabase(): string[] {
    const folder = this.path('database')
    const databases = existsSync(folder) ? readdirSync(folder).map((name) => realpathSync(join(folder, name))) : []
    rmSync(folder, { recursive: true, force: true })
    const hashes = databases.map((path) => createHash('sha256').update(path).digest('hex').slice(0, 16))
    return hashes.map((hash) => join('/var/lib/rekey', hash))
  }

  /** Removes everything, also what PostgreSQL keeps elsewhere when it is started by root. */
  remove(): void {
    for (const apart of this.removeHome()) rmSync(apart, { recursive: true, force: true })
    rmSync(this.home, { recursive: true, force: true })
  }
}

/** A running `rekey up`. */
export class Up {
  readonly process: ChildProcess
  readonly pid: number
  readonly #output: () => string
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>

  constructor(child: ChildProcess) {
    this.process = child
    this.pid = child.pid ?? 0
    const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)]
    this.#output = () => `${stdout()}${stderr()}`
    this.exited = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  }

  get output(): string {
    return this.#output()
  }

  /** Resolves when it says that it is ready. */
  async ready(): Promise<void> {
    const ended = this.exited.then(() => Promise.reject(new Error(`rekey up ended:\n${this.output}`)))
    while (!this.output.includes('Rekey is ready')) {
      await Promise.race([once(this.process.stdout as NodeJS.ReadableStream, 'data'), ended])
    }
    ended.catch(() => undefined)
  }

  /** Sends a signal to the whole process group, as Ctrl-C at a terminal does. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal)
  }
}

async function takenPorts(base: number): Promise<number[]> {
  const counts = { idps: mostIdps, bffs: mostBffs }
  const { bffs, idps, database, apis } = portsOf({ REKEY_PORT_BASE: String(base) }, counts)
  const all = [...bffs, ...idps, database, ...apis]
  const free = await Promise.all(all.map(isFree))
  return all.filter((_port, index) => !free[index])
}

function textOf(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  return () => text
}
