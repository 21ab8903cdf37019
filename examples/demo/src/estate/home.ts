import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'

/** Makes the folder of one run. */
export async function makeHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'rekey-demo-'))
  // As root, PostgreSQL runs as another user, who has to pass through to its data.
  await chmod(home, 0o711)
  return home
}

/**
 * Removes it, with all that is in it.
 *
 * @param dataFolder where PostgreSQL keeps its data, if it was started: outside, where its user cannot enter the home
 */
export async function removeHome(home: string, dataFolder: string | undefined): Promise<void> {
  await rm(home, { recursive: true, force: true })
  if (dataFolder && !dataFolder.startsWith(home + sep)) await rm(dirname(dataFolder), { recursive: true, force: true })
}
