/** What every service lists of its own: keyrings, root keys, what is derived of them, variables, and what is declared. */

import type { DatabaseTables } from '@rekey/database'
import { activeVersion, type Keyring, type KeyringStore } from '@rekey/keyring'
import type { Kysely } from 'kysely'
import type { ShownRootKey } from '../root-keys/show.ts'
import { type DeclaredSecret, declaredFacts } from './declared.ts'
import type { SecretFacts } from './entry.ts'

/** Keyrings, each by its active version. Their loop rotates them when they are due. */
export async function keyringFacts(store: Pick<KeyringStore, 'list'>, owner: string): Promise<SecretFacts[]> {
  return (await store.list()).map((keyring) => keyringEntry(keyring, owner))
}

function keyringEntry(keyring: Keyring, owner: string): SecretFacts {
  const { name, kind, policy } = keyring
  const { activatedAt } = activeVersion(keyring) ?? {}
  const createdAt = Math.min(...keyring.versions.map(({ preparedAt }) => preparedAt))
  const times = { createdAt: Number.isFinite(createdAt) ? createdAt : undefined, rotatedAt: activatedAt }
  return { name, kind, owner, management: 'rekey', ...times, rotateEveryMs: policy.rotateEveryMs }
}

/**
 * Root keys, and what is derived of the newest, which is as old as that. They are changed by hand, so no schedule is known but one that
 * is declared for the variable that names them.
 */
export async function rootKeyFacts<Tables extends DatabaseTables>(
  db: Kysely<Tables>,
  shown: readonly ShownRootKey[],
  derived: Readonly<Record<string, string>>,
  owner: string,
): Promise<SecretFacts[]> {
  const rows = await (db as unknown as Kysely<DatabaseTables>).selectFrom('root_keys').select(['id', 'since']).execute()
  const since = new Map(rows.map((row) => [row.id, row.since]))
  const entry = (id: string, name: string, kind: string, description: string): SecretFacts => ({
    ...{ name, kind, owner, management: 'unmanaged', rotatedAt: since.get(id), description },
  })
  const keys = shown.map(({ id, sealing, sealed }) => entry(id, id, 'root-key', hangingOn(sealing, sealed)))
  const newest = shown.find(({ sealing }) => sealing)
  const made = newest ? Object.entries(derived) : []
  const below = made.map(([name, what]) =>
    entry(newest?.id ?? '', name, 'derived-key', `${what}; derived from root key ${newest?.id}, and replaced with it`),
  )
  return [...keys, ...below]
}

function hangingOn(sealing: boolean, sealed: number): string {
  const things = `${sealed} ${sealed === 1 ? 'thing hangs' : 'things hang'} on it`
  return sealing ? `new things are sealed under it; ${things}` : things
}

/** The variable that a root key is declared by. */
const rootKeyVariable = 'REKEY_ROOT_KEY'

/**
 * Puts declared secrets among those that were found: a declaration says of a secret that nobody manages who owns it and when it is
 * due. One that names a secret that is rotated here says only whose it is; one that names none is an entry of its own.
 */
export function withDeclared(found: readonly SecretFacts[], declared: readonly DeclaredSecret[]): SecretFacts[] {
  const byName = new Map(declared.map((each) => [each.name, each]))
  const used = new Set<string>()
  const merged = found.map((facts) => {
    const name = facts.kind === 'root-key' ? rootKeyVariable : facts.name
    const said = byName.get(facts.name) ?? byName.get(name)
    if (!said) return facts
    used.add(said.name)
    if (facts.management === 'rekey') return { ...facts, owner: said.owner }
    return {
      ...declaredFacts(said),
      name: facts.name,
      kind: facts.kind,
      description: said.description ?? facts.description,
    }
  })
  return [...merged, ...declared.filter(({ name }) => !used.has(name)).map(declaredFacts)]
}
