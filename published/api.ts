import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '@rekey/database/testing'
import { root } from '../scripts/packing/compile.ts'
import { packed } from './packed.ts'

/** What the APIs of the README import beside what was packed. */
const FRAMEWORKS = ['express', 'fastify', 'hono', '@hono/node-server', '@types']

/** A new folder of somebody who read the README: what was packed is installed, and the frameworks. */
export function newFolder(name: string, code: string, file = 'api.js'): string {
  const { folder, installed } = packed()
  const place = join(folder, 'readme', name)
  mkdirSync(join(place, 'node_modules/@hono'), { recursive: true })
  symlinkSync(join(installed, 'node_modules/@rekey'), join(place, 'node_modules/@rekey'))
  for (const path of FRAMEWORKS) symlinkSync(join(root, 'node_modules', path), join(place, 'node_modules', path))
  writeFileSync(join(place, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  writeFileSync(join(place, file), code)
  return place
}

export interface Answer {
  readonly status: number
  readonly body: { readonly [member: string]: unknown }
}

/** An API in a process of its own. */
export class RunningApi {
  readonly url: string
  output = ''
  readonly #process: ChildProcess

  private constructor(url: string, process: ChildProcess) {
    this.url = url
    this.#process = process
    for (const stream of [process.stdout, process.stderr]) stream?.on('data', (chunk) => (this.output += chunk))
  }

  /** Starts the API of a folder; resolves when it lets a good token through. */
  static async start(folder: string, node: string, env: NodeJS.ProcessEnv, goodToken: string): Promise<RunningApi> {
    const port = await freePort()
    const given = { ...process.env, NODE_TEST_CONTEXT: undefined, ...env, PORT: String(port) }
    const child = spawn(node, ['api.js'], { cwd: folder, env: given, stdio: ['ignore', 'pipe', 'pipe'] })
    const api = new RunningApi(`http://127.0.0.1:${port}`, child)
    while (!(await api.#isReady(goodToken))) await wait(50)
    return api
  }

  async hello(token?: string): Promise<Answer> {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const response = await fetch(`${this.url}/hello`, { headers })
    return { status: response.status, body: (await response.json()) as Answer['body'] }
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    this.#process.kill('SIGKILL')
    await once(this.#process, 'exit')
  }

  async #isReady(token: string): Promise<boolean> {
    if (this.#process.exitCode !== null) throw new Error(`the API ended:\n${this.output}`)
    const { status } = await this.hello(token).catch(() => ({ status: 0 }))
    return status === 200
  }
}
