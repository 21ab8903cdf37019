import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A file as Kubernetes mounts a Secret: `name` is a link to `..data/name`, `..data` a link to a folder with the time in its
 * name, and an update swaps `..data` by a rename. Neither the file nor its link is ever written to.
 */
export async function mountedSecret(folder: string, name: string) {
  let updates = 0
  const update = async (text: string): Promise<void> => {
    const version = `..2026_${++updates}`
    await mkdir(join(folder, version))
    await writeFile(join(folder, version, name), text)
    await symlink(version, join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
    await rm(join(folder, `..2026_${updates - 1}`), { recursive: true, force: true })
  }
  await symlink(join('..data', name), join(folder, name))
  return { path: join(folder, name), update }
}
