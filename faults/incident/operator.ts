/** The person who handles an incident: `rekey`, as a process of its own each time, from a home of his own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { atEnd } from '../estate/at-end.ts'
import type { Credential } from '../estate/http.ts'
import type { Environment } from '../estate/process.ts'

const executable = fileURLToPath(new URL('../../packages/cli/bin/rekey.js', import.meta.url))

export interface Ran {
  /** Null where it was killed. */
  code: number | null
  stdout: string
  stderr: string
}

export class Operator {
  readonly folder: string
  readonly #environment: Environment
  #fingerprint: Promise<Ran> | undefined

  private constructor(folder: string, environment: Environment) {
    this.folder = folder
    this.#environment = environment
  }

  /**
   * @param idps as he reaches them
   * @param apis those of the estate: the secret goes to no others when he goes on with an incident of somebody else
   */
  static async of(
    t: TestContext,
    { idps, apis, admin }: { idps: readonly string[]; apis: readonly string[]; admin: Credential },
    refreshToken: string,
  ): Promise<Operator> {
    const folder = await mkdtemp(join(tmpdir(), 'rekey-faults-operator-'))
    atEnd(t, () => rm(folder, { recursive: true, force: true }))
    const home = join(folder, 'home')
    await mkdir(home, { mode: 0o700 })
    const estate = { idp: idps[0], idps, apis, admin }
    await writeFile(join(home, 'estate.json'), JSON.stringify(estate), { mode: 0o600 })
    const { PATH } = process.env
    return new Operator(folder, { PATH, REKEY_HOME: home, INTERNAL_JWKS_REFRESH_TOKEN: refreshToken })
  }

  /** Starts a command. */
  start(words: readonly string[], more: Environment = {}): { process: ChildProcess; ended: Promise<Ran> } {
    const env = { ...this.#environment, ...more }
    const child = spawn(process.execPath, [executable, ...words], { env, cwd: this.folder })
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
      const text: string[] = []
      stream.setEncoding('utf8').on('data', (part: string) => text.push(part))
      return () => text.join('')
    }) as [() => string, () => string]
    const ended = once(child, 'close').then(([code]) => ({ code, stdout: stdout(), stderr: stderr() }))
    return { process: child, ended }
  }

  /** Runs a command to its end. */
  rekey(...words: string[]): Promise<Ran> {
    return this.start(words).ended
  }

  /** Of the key that his evidence is signed by. */
  async fingerprint(): Promise<string> {
    this.#fingerprint ??= this.rekey('evidence', 'key')
    return (await this.#fingerprint).stdout.trim()
  }
}
