/** An estate whose agents are described, and the keys of their columns. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { type Estate, eventually, type TestInstance } from '../estate.ts'

export const newKey = () => randomBytes(32).toString('hex')

/** A file that keys are read from, in a folder of its own. */
export async function keyFile(...keys: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-columns-'))
  const path = join(folder, 'keys')
  const write = (...next: string[]) => writeFile(path, next.map((key) => `${key}\n`).join(''), { mode: 0o600 })
  const read = async () => (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
  await write(...keys)
  return { path, source: `file:${path}`, read, write, remove: () => rm(folder, { recursive: true }) }
}

const program = new URL('./aes-256-cbc.mjs', import.meta.url).pathname

/** What a program that knows nothing of us makes of texts by AES-256-CBC, one after the other. */
export function encryptedByOthers(key: string, texts: readonly string[]): string[] {
  const input = JSON.stringify({ key, texts })
  return JSON.parse(execFileSync(process.execPath, [program], { input, encoding: 'utf8', maxBuffer: 2 ** 28 }))
}

/** The versions by which the owners and e-mail addresses lie in the database. */
export async function versionsStored({ db }: Estate): Promise<Record<string, number>> {
  const { rows } = await sql<{ version: string; count: number }>`
    SELECT column_version(v) AS version, count(*)::int AS count
    FROM (SELECT owner FROM agents UNION ALL SELECT email FROM agents) AS stored (v) WHERE v IS NOT NULL GROUP BY 1`.execute(
    db,
  )
  return Object.fromEntries(rows.map(({ version, count }) => [version, count]))
}

// biome-ignore lint/suspicious/noExplicitAny: replies are checked member by member in the tests
type Body = any

export async function columnsOf(idp: TestInstance): Promise<Body> {
  return (await idp.manage('GET', '/api/v1/columns')).body
}

export async function keyringOf(idp: TestInstance): Promise<Body> {
  return (await idp.manage('GET', '/api/v1/keyrings/columns')).body
}

/** Resolves when nothing lies under another key than the one in use. */
export function untilAllIsMoved(idp: TestInstance): Promise<Body> {
  return eventually(
    () => columnsOf(idp),
    ({ left, sealing }) => left === 0 && sealing !== null,
  )
}

export async function activeId(idp: TestInstance): Promise<string> {
  const { versions } = await keyringOf(idp)
  return versions.find(({ state }: { state: string }) => state === 'active')?.id
}
