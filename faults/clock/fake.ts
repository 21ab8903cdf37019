/**
 * A wall clock that can be set while a process runs: libfaketime, told by a file that it reads at every look at the
 * time. The monotonic clock is left alone, as it is when an administrator or a time server sets a machine's clock.
 */
import { chmod, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { atEnd } from '../estate/at-end.ts'
import type { Environment } from '../estate/process.ts'

const libraries = '/usr/lib'
const library = 'faketime/libfaketime.so.1'

export class FakeClock {
  readonly environment: Environment
  readonly #file: string

  private constructor(path: string, file: string) {
    this.#file = file
    this.environment = {
      LD_PRELOAD: path,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
  }

  /** One that goes right to begin with. Undefined, and the test skipped, where the library is not installed. */
  static async make(t: TestContext): Promise<FakeClock | undefined> {
    const path = await findLibrary()
    if (!path) {
      t.skip('NOT TESTED: libfaketime is not installed here (Debian: apt-get install faketime)')
      return undefined
    }
    const folder = await mkdtemp(join(tmpdir(), 'rekey-faults-clock-'))
    atEnd(t, () => rm(folder, { recursive: true, force: true }))
    // PostgreSQL runs as another user.
    await chmod(folder, 0o755)
    const clock = new FakeClock(path, join(folder, 'offset'))
    await clock.set(0)
    return clock
  }

  /** From now on the clock is so far ahead, or behind where that is negative. */
  async set(aheadMs: number): Promise<void> {
    const seconds = aheadMs / 1_000
    // As a whole: a process that reads half a line is at some other time.
    await writeFile(`${this.#file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`, { mode: 0o644 })
    await rename(`${this.#file}.new`, this.#file)
  }
}

async function findLibrary(): Promise<string | undefined> {
  for (const architecture of await readdir(libraries).catch(noFolder)) {
    const folder = join(libraries, architecture, 'faketime')
    if ((await readdir(folder).catch(noFolder)).length > 0) return join(libraries, architecture, library)
  }
  return undefined
}

function noFolder(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
  throw error
}
