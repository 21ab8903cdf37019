import { randomBytes } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { DatabaseError } from '../error.ts'

/** The embedded server's passwords. They stand in `postgres.json` (0600) in the home and nowhere else. */
export interface Passwords {
  superuser: string
  owner: string
  service: string
  bffService: string
}

/** What `postgres.json` says. A home that has it has a database: it is written when the data is complete. */
export interface HomeRecord extends Omit<Passwords, 'bffService'> {
  /** Undefined in a home of a release that had no such role. */
  bffService: string | undefined
  /** Absolute. Undefined in a home of a release that did not write it down. */
  dataFolder: string | undefined
}

export async function readRecord(home: string): Promise<HomeRecord | undefined> {
  const text = await readFile(fileOf(home), 'utf8').catch(absent)
  if (text === undefined) return undefined
  const { superuser, owner, service, bffService, dataFolder } = parse(text, home)
  if (!superuser || !owner || !service) throw damaged(home)
  return { superuser, owner, service, bffService, dataFolder: dataFolder ? resolve(home, dataFolder) : undefined }
}

/** Data in the home is named from there, so that it is found again when the home is moved. */
export async function writeRecord(home: string, passwords: Passwords, dataFolder: string): Promise<void> {
  const { superuser, owner, service, bffService } = passwords
  const fromHome = relative(home, dataFolder)
  const named = fromHome.startsWith('..') || isAbsolute(fromHome) ? dataFolder : fromHome
  const half = `${fileOf(home)}.new`
  const file = await open(half, 'w', 0o600)
  try {
    await file.chmod(0o600)
    const record = { superuser, owner, service, bffService, dataFolder: named }
    await file.writeFile(`${JSON.stringify(record, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(half, fileOf(home))
}

export const newPasswords = (): Passwords => ({
  superuser: password(),
  owner: password(),
  service: password(),
  bffService: password(),
})

/** All of them: what an earlier release did not write down is made up for. */
export function completed({ superuser, owner, service, bffService = password() }: HomeRecord): Passwords {
  return { superuser, owner, service, bffService }
}

const fileOf = (home: string): string => join(home, 'postgres.json')
const password = (): string => randomBytes(24).toString('base64url')

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function parse(text: string, home: string): Partial<HomeRecord> {
  try {
    return Object(JSON.parse(text))
  } catch {
    // Without the cause: a syntax error quotes what it stumbled over, and that may be a password.
    throw damaged(home)
  }
}

function damaged(home: string): DatabaseError {
  const file = fileOf(home)
  return new DatabaseError(
    'START_FAILED',
    `${file} is damaged. Restore it. If that is impossible, remove it: the data where it was first put is then found ` +
      'again and gets new passwords.',
    { facts: { file } },
  )
}
