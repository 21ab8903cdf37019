/** An estate whose instances read their root keys from files, as on machines of their own. */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { eventually, startEstate, type TestInstance } from '../estate.ts'

/** What an estate is started with. */
export const oldKey = `${'07'.repeat(32)}\n`

export async function startKeyedEstate() {
  const estate = await startEstate()
  const folder = await mkdtemp(join(tmpdir(), 'rekey-root-keys-'))
  const path = (name: string) => join(folder, name)

  /** In one step, as the command line does it. */
  async function write(name: string, text: string): Promise<void> {
    await writeFile(`${path(name)}.draft`, text)
    await rename(`${path(name)}.draft`, path(name))
  }

  return {
    estate,
    write,
    read: (name: string) => readFile(path(name), 'utf8'),
    /** An instance that reads a file of this name. */
    async start(name: string, text: string, more: Record<string, string> = {}): Promise<TestInstance> {
      await write(name, text)
      return estate.instance({ REKEY_ROOT_KEY: `file:${path(name)}`, ...more })
    },
    /** An instance that reads another source. */
    startFrom: (source: string, more: Record<string, string>) => estate.instance({ REKEY_ROOT_KEY: source, ...more }),
    /** By the state of each version: under which root key it is sealed. */
    async seals(keyring: string): Promise<[state: string, rootKey: string | undefined][]> {
      const { rows } = await sql<{ sealed: string | null; state: string }>`
        SELECT version ->> 'sealedPrivate' AS sealed, version ->> 'state' AS state
        FROM keyrings, jsonb_array_elements(document -> 'versions') AS version WHERE name = ${keyring}`.execute(
        estate.db,
      )
      return rows.map(({ sealed, state }) => [state, sealed?.split('.')[1]])
    },
    async stop(): Promise<void> {
      await estate.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** The text of a file without all its root keys but the newest. */
export const onlyNewest = (text: string) => `${text.split('\n')[0]}\n`

interface ShownRootKey {
  id: string
  sealing: boolean
  heldByAll: boolean
  sealed: number
  keys: number
}

export async function rootKeys(idp: TestInstance, bearer?: string): Promise<ShownRootKey[]> {
  return (await idp.manage('GET', '/api/v1/root-keys', undefined, bearer)).body.keys
}

/** The id of the root key that an instance seals under, as soon as that is another one than `former`. */
export async function sealingAfter(idp: TestInstance, former: string, bearer?: string): Promise<string> {
  const sealing = async () => (await rootKeys(idp, bearer)).find((key) => key.sealing)?.id ?? former
  return eventually(sealing, (id) => id !== former)
}
