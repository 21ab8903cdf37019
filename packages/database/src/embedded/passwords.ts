import { randomBytes } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { exists } from './place.ts'

/** The embedded server's passwords. They stand in `postgres.json` (0600) in the home and nowhere else. */
export interface Passwords {
  superuser: string
  owner: string
  service: string
}

export async function readPasswords(home: string): Promise<Passwords | undefined> {
  const path = fileOf(home)
  return (await exists(path)) ? JSON.parse(await readFile(path, 'utf8')) : undefined
}

/** Makes new ones. Stored before they are used, so that a crash leaves no server whose password nobody knows. */
export async function makePasswords(home: string): Promise<Passwords> {
  const passwords = { superuser: password(), owner: password(), service: password() }
  const half = `${fileOf(home)}.new`
  const file = await open(half, 'w', 0o600)
  try {
    await file.chmod(0o600)
    await file.writeFile(`${JSON.stringify(passwords, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(half, fileOf(home))
  return passwords
}

const fileOf = (home: string): string => join(home, 'postgres.json')
const password = (): string => randomBytes(24).toString('base64url')
