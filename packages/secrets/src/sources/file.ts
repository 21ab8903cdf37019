import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, type FileHandle, lstat, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SecretsError } from '../error.ts'
import { isNewest, notWritable, requireOne, type SecretSource, valuesIn, without } from './source.ts'
import { inTurn } from './turn.ts'

/**
 * A file with a value a line. It is changed by another file in its place, with the same mode and owner: nobody reads half of
 * it. A link is left alone: where secrets are mounted (Kubernetes, for one), it belongs to whoever mounts them.
 */
export function fileSource(path: string): SecretSource {
  const description = `file:${path}`
  const read = async () => valuesIn(await readFile(path, 'utf8').catch(unreadable(description)), description)

  async function change(by: (values: string[]) => readonly string[]): Promise<void> {
    const obstacle = await obstacleTo(path)
    if (obstacle) throw notWritable(description, obstacle)
    await inTurn(path, description, async () => {
      const before = await read()
      const after = by(before)
      if (String(after) !== String(before))
        await replace(path, after.map((value) => `${value}\n`).join(''), description)
    })
  }

  return {
    description,
    restMs: 1_000,
    values: read,
    isWritable: async () => (await obstacleTo(path)) === undefined,
    async add(value) {
      requireOne(value, description)
      await change((values) => (isNewest(value, values, description) ? values : [value, ...values]))
    },
    remove: (value) => change((values) => without(value, values, description)),
    close: () => undefined,
  }
}

function unreadable(description: string) {
  return (cause: NodeJS.ErrnoException): never => {
    throw new SecretsError('SOURCE_MISSING', `${description} cannot be read (${cause.code})`, { cause })
  }
}

/** Why the file cannot be replaced by this process; undefined when it can. */
async function obstacleTo(path: string): Promise<string | undefined> {
  try {
    const found = await lstat(path)
    if (found.isSymbolicLink()) return 'it is a link, which belongs to whoever mounts it'
    if (!found.isFile()) return 'it is no file'
    const own = process.geteuid?.()
    if (own !== 0 && found.uid !== own) return 'it belongs to another user'
    await access(dirname(path), constants.W_OK)
    return undefined
  } catch (error) {
    return `its folder is not open to this process (${codeOf(error)})`
  }
}

async function replace(path: string, text: string, description: string): Promise<void> {
  const draft = `${path}.${randomUUID()}.tmp`
  try {
    await writeLike(path, draft, text)
    await rename(draft, path)
    await syncFolder(dirname(path))
  } catch (error) {
    // A single file that is mounted into a container cannot be replaced.
    if (codeOf(error) === 'EBUSY') throw notWritable(description, 'it is mounted by itself; mount its folder')
    throw new SecretsError('SOURCE_UNAVAILABLE', `${description} cannot be written (${codeOf(error)})`, {
      cause: error,
    })
  } finally {
    await rm(draft, { force: true })
  }
}

async function writeLike(path: string, draft: string, text: string): Promise<void> {
  const { mode, uid, gid } = await lstat(path)
  const file = await open(draft, 'wx', 0o600)
  try {
    await keepOwner(file, uid, gid)
    await file.chmod(mode & 0o777)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function keepOwner(file: FileHandle, uid: number, gid: number): Promise<void> {
  const own = await file.stat()
  if (own.uid !== uid || own.gid !== gid) await file.chown(uid, gid)
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  await handle.sync().finally(() => handle.close())
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? 'no reason given'
