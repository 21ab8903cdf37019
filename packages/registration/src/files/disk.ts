import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from '../error.ts'

/** The few things that are done with files, so that a test can fail each of them. */
export interface Files {
  /** The text, or undefined when there is no such file. */
  read(path: string): Promise<string | undefined>
  /** Replaces the file as a whole, or leaves it as it was; readable by the owner only unless a mode says otherwise. */
  write(path: string, text: string, mode?: number): Promise<void>
  /** Puts the one in the place of the other, as one act. */
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** The names in a folder; none when there is no such folder. */
  list(path: string): Promise<readonly string[]>
  /** When the file was last written, in milliseconds since the epoch. */
  modified(path: string): Promise<number>
}

export const disk: Files = {
  async read(path) {
    try {
      return await readFile(path, 'utf8')
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
  },

  async write(path, text, mode = 0o600) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const beside = `${path}.tmp`
    try {
      await writeNew(beside, text, mode)
      await rename(beside, path)
    } catch (error) {
      await rm(beside, { force: true })
      throw error
    }
    await syncFolder(path)
  },

  async rename(from, to) {
    await rename(from, to)
    await syncFolder(to)
  },

  async remove(path) {
    await rm(path, { force: true })
    await syncFolder(path)
  },

  async list(path) {
    try {
      return await readdir(path)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return []
      throw error
    }
  },

  async modified(path) {
    return (await stat(path)).mtimeMs
  },
}

// One name, because only who holds the lock writes: what a crash left behind is replaced, and never a link followed.
async function writeNew(path: string, text: string, mode: number): Promise<void> {
  await rm(path, { force: true })
  const file = await open(path, 'wx', mode)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

// A rename is durable only when the folder is. Some network file systems cannot sync a folder: then it is as durable as they make it.
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EPERM', 'EISDIR'].includes(systemCode(error) ?? '')) throw error
  } finally {
    await folder.close()
  }
}
