import { execFileSync } from 'node:child_process'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { atEnd } from '../estate/at-end.ts'

const chunk = Buffer.alloc(65_536, 1)

/** A disk so small that it can be filled, and given room again. */
export class SmallDisk {
  readonly folder: string
  readonly #ballast: string

  private constructor(folder: string) {
    this.folder = folder
    this.#ballast = join(folder, 'ballast')
  }

  /** Undefined, and the test skipped, where nothing may be mounted. */
  static async mount(t: TestContext, folder: string, kilobytes: number): Promise<SmallDisk | undefined> {
    await mkdir(folder, { recursive: true })
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k,mode=711`, 'tmpfs', folder], { stdio: 'pipe' })
    } catch (error) {
      t.skip(`NOT TESTED: no small disk can be mounted here (${(error as Error).message.trim()})`)
      return undefined
    }
    atEnd(t, () => execFileSync('umount', ['--lazy', folder]))
    return new SmallDisk(folder)
  }

  /** Writes until nothing fits any more. */
  async fill(): Promise<void> {
    const file = await open(this.#ballast, 'a')
    try {
      // Down to the last byte: the last pieces are ever smaller.
      for (let size = chunk.length; size >= 1; ) {
        const { bytesWritten } = await file.write(chunk, 0, size).catch(noRoom)
        if (bytesWritten < size) size = Math.floor(size / 2)
      }
    } finally {
      await file.close()
    }
  }

  async makeRoom(): Promise<void> {
    await rm(this.#ballast)
  }
}

function noRoom(error: NodeJS.ErrnoException): { bytesWritten: number } {
  if (error.code !== 'ENOSPC') throw error
  return { bytesWritten: 0 }
}
