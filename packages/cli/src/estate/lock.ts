import { randomUUID } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { CliError } from '../error.ts'
import { readIfPresent, writePrivateFile } from './private-file.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'

const identity = z.object({ pid: z.number().int().positive(), startedAt: z.string().optional() })
const content = z.object({ holder: identity, children: z.array(identity) })
type Content = z.infer<typeof content>

/**
 * One `rekey up` a home. The lock is a file that names its holder and the holder's children; a lock whose holder is gone
 * is taken over, together with the children it names.
 *
 * It appears by link(2) and is stolen by rename(2), both atomic: of two processes that find the same dead lock one wins.
 */
export class Lock {
  readonly #path: string
  readonly #holder: ProcessIdentity
  #children: ProcessIdentity[] = []
  /** What an earlier holder that was killed may have left running. */
  readonly leftBehind: readonly ProcessIdentity[]
  /** Whether an earlier holder was killed. */
  readonly tookOver: boolean

  private constructor(path: string, holder: ProcessIdentity, dead: readonly ProcessIdentity[] | undefined) {
    this.#path = path
    this.#holder = holder
    this.leftBehind = (dead ?? []).filter(isAlive)
    this.tookOver = dead !== undefined
  }

  /** @throws CliError `ESTATE_RUNNING`, naming the pid of the one that is alive */
  static acquire(path: string, pid: number): Lock {
    const holder = identify(pid) ?? { pid }
    let dead: readonly ProcessIdentity[] | undefined
    while (!create(path, { holder, children: [...(dead ?? [])] })) dead = steal(path) ?? dead
    return new Lock(path, holder, dead)
  }

  /** Puts a child on record, so that a later holder can end it. */
  record(pid: number): void {
    const child = identify(pid)
    if (!child) return
    this.#children = [...this.#children.filter(isAlive), child]
    writePrivateFile(this.#path, JSON.stringify({ holder: this.#holder, children: this.#children }))
  }

  /** Gives the home free, unless somebody else holds it by now. */
  release(): void {
    const held = parse(readIfPresent(this.#path))
    if (held?.holder.pid === this.#holder.pid && held.holder.startedAt === this.#holder.startedAt) {
      rmSync(this.#path, { force: true })
    }
  }
}

function create(path: string, lock: Content): boolean {
  const draft = `${path}.${randomUUID()}.tmp`
  writeFileSync(draft, JSON.stringify(lock), { mode: 0o600, flag: 'wx' })
  try {
    linkSync(draft, path)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cause
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Removes the lock of a dead holder and returns the holder's children; undefined when the lock went meanwhile. */
function steal(path: string): readonly ProcessIdentity[] | undefined {
  refuseIfAlive(parse(readIfPresent(path)), path)
  const stolen = `${path}.${randomUUID()}.dead`
  try {
    renameSync(path, stolen)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
  const content = parse(readFileSync(stolen, 'utf8'))
  // Between the look and the rename somebody else may have taken over: then this is his, and he gets it back.
  if (content && isAlive(content.holder)) restore(stolen, path)
  rmSync(stolen, { force: true })
  refuseIfAlive(content, path)
  return content?.children ?? []
}

function restore(stolen: string, path: string): void {
  try {
    linkSync(stolen, path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
  }
}

function refuseIfAlive(lock: Content | undefined, path: string): void {
  if (!lock || !isAlive(lock.holder)) return
  throw new CliError(
    'ESTATE_RUNNING',
    `an estate already runs on this home: "rekey up" with pid ${lock.holder.pid} (${path}). Stop that one first, or set ` +
      'REKEY_HOME and REKEY_PORT_BASE to run another beside it',
    { pid: lock.holder.pid },
  )
}

/** A lock that cannot be read was left by a crash of the machine: as good as dead. */
function parse(text: string | undefined): Content | undefined {
  if (!text) return undefined
  try {
    return content.parse(JSON.parse(text))
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof z.ZodError) return undefined
    throw cause
  }
}
