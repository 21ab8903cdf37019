import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Embedded, startEmbedded } from '../../src/embedded/start.ts'
import { freePort } from '../../src/testing/port.ts'

const endings = new WeakMap<TestContext, (() => unknown)[]>()

/** Like `t.after`, but the last one first, and all of them: a folder goes after the server that uses it. */
export function atEnd(t: TestContext, act: () => unknown): void {
  const acts = endings.get(t) ?? []
  if (acts.length === 0) t.after(() => runAll(acts))
  acts.push(act)
  endings.set(t, acts)
}

async function runAll(acts: (() => unknown)[]): Promise<void> {
  const failures: unknown[] = []
  for (const act of acts.toReversed()) {
    try {
      await act()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'tidying up failed')
}

/** A home for one test, below a folder that everybody may enter. */
export async function temporaryHome(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-embedded-'))
  atEnd(t, () => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  return join(folder, 'home')
}

/** Starts a server that ends with the test. */
export async function started(t: TestContext, home: string, log?: (line: string) => void): Promise<Embedded> {
  const server = await startEmbedded({ home, port: await freePort(), log })
  atEnd(t, () => server.stop())
  return server
}

/** What another process that started a server tells. */
export interface Elsewhere {
  child: ChildProcess
  pid: number
  ownerUrl: string
  dataFolder: string
}

/** Starts a server from a process of its own (in a process group of its own), which then waits to be killed. */
export function starter(home: string, port: number, ids: { uid?: number; gid?: number } = {}): ChildProcess {
  const script = fileURLToPath(new URL('./starter.ts', import.meta.url))
  return spawn(process.execPath, [script, home, `${port}`], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...ids,
  })
}

/** Waits for what the starter has to tell. */
export async function startedElsewhere(child: ChildProcess): Promise<Elsewhere> {
  if (!child.stdout) throw new Error('the starter has no output')
  for await (const line of createInterface({ input: child.stdout })) return { child, ...JSON.parse(line) }
  throw new Error('the starter ended without a word')
}
