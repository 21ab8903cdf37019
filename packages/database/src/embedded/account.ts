import { readFile, stat } from 'node:fs/promises'
import { DatabaseError } from '../error.ts'

/** The user that the server runs as. Without ids: the user who runs this process. */
export interface Account {
  uid?: number
  gid?: number
  name: string
}

/**
 * PostgreSQL refuses to run as root. As root, an existing data folder says whose it is (an estate that was first
 * started by an ordinary user keeps running as that user); otherwise it is `postgres`, or `nobody` where that is
 * missing.
 */
export async function serverAccount(existingDataFolder: string | undefined): Promise<Account> {
  if (process.getuid?.() !== 0) return { name: `uid ${process.getuid?.() ?? '?'}` }
  const owner = existingDataFolder ? await ownerOf(existingDataFolder) : undefined
  return owner ?? (await accountNamed('postgres')) ?? (await accountNamed('nobody')) ?? noAccount()
}

async function ownerOf(folder: string): Promise<Account | undefined> {
  const { uid, gid } = await stat(folder)
  return uid === 0 ? undefined : { uid, gid, name: `uid ${uid}` }
}

async function accountNamed(name: string): Promise<Account | undefined> {
  const passwd = await readFile('/etc/passwd', 'utf8')
  const fields = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find((line) => line[0] === name)
  if (!fields) return undefined
  return { name, uid: Number(fields[2]), gid: Number(fields[3]) }
}

function noAccount(): never {
  throw new DatabaseError(
    'START_FAILED',
    'PostgreSQL refuses to run as root and this machine has neither a user "postgres" nor "nobody". ' +
      'Start Rekey as an ordinary user, or set DATABASE_URL.',
  )
}
