import { open } from 'node:fs/promises'

/** Returns when a file is on the disk, or a folder with its names: a file is only as durable as its name. */
export async function syncToDisk(path: string): Promise<void> {
  const opened = await open(path, 'r')
  await opened.sync().finally(() => opened.close())
}
