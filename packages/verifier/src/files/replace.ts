import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A rename, or a new file, is only as durable as the folder it stands in. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r')
  await folder.sync().finally(() => folder.close())
}

/**
 * Replaces a file as a whole, so that whoever looks finds the old one or the new one, whatever breaks meanwhile. It is readable
 * by its owner alone, and on disk when this resolves. Resolves to the new file, open for appending.
 */
export async function replaceFile(path: string, pieces: Iterable<string>): Promise<FileHandle> {
  const draft = `${path}.${randomUUID()}.tmp`
  const file = await open(draft, 'ax', 0o600)
  try {
    await file.writeFile(pieces)
    await file.sync()
    await rename(draft, path)
    await syncFolder(path)
    return file
  } catch (error) {
    await file.close()
    await rm(draft, { force: true })
    throw error
  }
}

/** The same for a whole text, in a folder that is made where it is missing. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await replaceFile(path, [text])
  await file.close()
}
