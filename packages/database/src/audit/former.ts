import type { Kysely } from 'kysely'
import type { DatabaseTables } from '../tables.ts'
import type { Glance } from './glance.ts'
import type { FormerKey } from './keys.ts'
import { newestBy } from './newest.ts'
import { mostFormer } from './note.ts'
import type { AuditSigner } from './signer.ts'

/** The keys of before, with the one that signed last if this is the first checkpoint of another one. See keys.ts. */
export async function formerOf(
  db: Kysely<DatabaseTables>,
  signer: AuditSigner,
  { keys, signed }: Pick<Glance, 'keys' | 'signed'>,
): Promise<FormerKey[]> {
  const known = keys?.former ?? []
  if (!keys || keys.publicKey.equals(signer.publicKey)) return [...known]
  const last = { publicKey: keys.publicKey, upTo: signed ?? 0 }
  const claimed = known.filter(({ publicKey }) => ![last, signer].some((other) => publicKey.equals(other.publicKey)))
  const seen = await seenOf(db, claimed, signer.origin, last.upTo)
  return [...seen.slice(1 - mostFormer), last]
}

/** Those of them that signed this chain, each once and up to where that is to be seen. */
async function seenOf(db: Kysely<DatabaseTables>, claimed: readonly FormerKey[], origin: string, most: number) {
  const seen: FormerKey[] = []
  for (const { publicKey, upTo } of claimed) {
    if (seen.some((other) => other.publicKey.equals(publicKey))) continue
    const found = await newestBy(db, { publicKey, origin }, { most: Math.min(upTo, most), fits: true })
    if (found) seen.push({ publicKey, upTo: found.size })
  }
  return seen
}
