import { dirname } from 'node:path'
import { RegistrationError, systemCode } from '../error.ts'
import { jsonOf } from '../json.ts'
import { type Key, keyOfPem, newPem } from '../keys/key.ts'
import type { ClientOptions } from '../options/client-options.ts'
import { type Credentials, credentialsOf } from './credentials.ts'
import type { Files } from './disk.ts'
import { type PendingRegistration, pendingOf } from './pending.ts'
import { kidsPathOf, type UsedKey, usedBeside, usedKeysOf } from './used.ts'

/** The files of one client, by what they mean. Every failure of the disk is FILE_FAILED and names the file. */
export interface Folder {
  /** The key that the service signs with. */
  key(): Promise<Key | undefined>
  /** The key that is being published, from before the request until it takes the other's place. */
  nextKey(): Promise<Key | undefined>
  makeNextKey(): Promise<Key>
  /** Puts the next key in the place of the key. */
  promote(): Promise<void>
  /** Forgets a next key that was not published. */
  dropNextKey(): Promise<void>
  credentials(): Promise<Credentials | undefined>
  saveCredentials(credentials: Credentials): Promise<void>
  /** When the credentials were written last, in milliseconds since the epoch. */
  credentialsAt(): Promise<number>
  pending(): Promise<PendingRegistration | undefined>
  savePending(pending: PendingRegistration): Promise<void>
  endPending(): Promise<void>
  /** The keys that this folder used: those of other PEMs in it, then this PEM's, oldest first. */
  used(): Promise<readonly UsedKey[]>
  /** Adds a key of this PEM as the newest, unless it is. */
  saveUsed(key: Pick<UsedKey, 'kid' | 'thumbprint'>): Promise<void>
  published(): Promise<unknown>
  publish(set: unknown): Promise<void>
}

const MOST_USED = 50
// Whoever serves the public set may be another user.
const PUBLIC = 0o644

export function folderOf(options: ClientOptions, files: Files): Folder {
  const paths = pathsOf(options)
  const read = (path: string) => guarded(path, 'read', () => files.read(path))
  const write = (path: string, text: string, mode?: number) =>
    guarded(path, 'written', () => files.write(path, text, mode))
  const keyAt = async (path: string) => {
    const pem = await read(path)
    if (pem === undefined) return undefined
    const at = await guarded(path, 'read', () => modifiedIfThere(files, path))
    // Another process may have put it in place since it was read.
    return at === undefined ? undefined : keyOfPem(pem, path, at)
  }
  const ownUsed = async () => usedKeysOf(await read(paths.kids))
  return {
    key: () => keyAt(paths.key),
    nextKey: () => keyAt(paths.next),
    async makeNextKey() {
      const pem = await newPem(options.keyAlgorithm)
      await write(paths.next, pem)
      return keyOfPem(pem, paths.next, await guarded(paths.next, 'read', () => files.modified(paths.next)))
    },
    promote: () => guarded(paths.key, 'written', () => files.rename(paths.next, paths.key)),
    dropNextKey: () => guarded(paths.next, 'removed', () => files.remove(paths.next)),
    async credentials() {
      const text = await read(paths.credentials)
      return text === undefined ? undefined : credentialsOf(text, paths.credentials)
    },
    saveCredentials: (credentials) => write(paths.credentials, json(credentials)),
    credentialsAt: () => guarded(paths.credentials, 'read', () => files.modified(paths.credentials)),
    pending: async () => pendingOf(await read(paths.pending)),
    savePending: (pending) => write(paths.pending, json(pending)),
    endPending: () => guarded(paths.pending, 'removed', () => files.remove(paths.pending)),
    used: async () => [
      ...(await guarded(dirname(paths.key), 'read', () => usedBeside(files, paths.key))),
      ...(await ownUsed()),
    ],
    async saveUsed(key) {
      const all = await ownUsed()
      if (all.at(-1)?.kid === key.kid && all.at(-1)?.thumbprint === key.thumbprint) return
      const others = all.filter(({ thumbprint }) => thumbprint !== key.thumbprint)
      await write(paths.kids, json([...others, { kid: key.kid, thumbprint: key.thumbprint }].slice(-MOST_USED)))
    },
    published: async () => (paths.jwks === undefined ? undefined : jsonOf((await read(paths.jwks)) ?? '')),
    async publish(set) {
      if (paths.jwks !== undefined) await write(paths.jwks, json(set), PUBLIC)
    },
  }
}

async function modifiedIfThere(files: Files, path: string): Promise<number | undefined> {
  try {
    return await files.modified(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Where the files lie. */
function pathsOf({ signingKey, credentials, jwksFile }: ClientOptions) {
  return {
    key: signingKey,
    next: `${signingKey}.next`,
    kids: kidsPathOf(signingKey),
    credentials,
    pending: `${credentials}.pending`,
    jwks: jwksFile,
  }
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

/** @throws RegistrationError FILE_FAILED in place of what the system says. */
export async function guarded<T>(
  path: string,
  what: 'read' | 'written' | 'removed',
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof RegistrationError) throw error
    throw new RegistrationError(
      'FILE_FAILED',
      `${path} could not be ${what} (${systemCode(error) ?? 'unknown error'}). Check the volume, its space and its permissions, and start again: it goes on where it stopped.`,
      { cause: error },
    )
  }
}
