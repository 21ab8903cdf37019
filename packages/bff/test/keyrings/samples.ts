import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type Sealer, sealerFor } from '@rekey/database'
import { ensureKeyring, type Keyring, type KeyringStore, memoryStore } from '@rekey/keyring'
import { RevocationJournal } from '@rekey/service'
import { versionMaker } from '../../src/keyrings/make.ts'
import { keyringMemory } from '../../src/keyrings/memory.ts'
import { type OwnName, ownKeyrings } from '../../src/keyrings/own.ts'
import { type KeyringTerms, policyOf } from '../../src/keyrings/policy.ts'

export const terms: KeyringTerms = {
  rotateEveryMs: 90 * 86_400_000,
  skewMs: 1_000,
  rollbackWindowMs: 600_000,
  sessions: { lifetimeMs: 8 * 3_600_000, loginTtlMs: 600_000 },
}

export const newSealer = (): Sealer => sealerFor({ id: 'root', key: randomBytes(32) })

export async function ensured(store: KeyringStore, sealer: Sealer, ...names: OwnName[]): Promise<void> {
  for (const name of names) {
    await ensureKeyring(
      { store, make: versionMaker(sealer) },
      { name, ...ownKeyrings[name], policy: policyOf(name, terms, false) },
    )
  }
}

/** Keyrings in memory, as an instance holds them after it read them. */
export async function heldInMemory(...names: OwnName[]) {
  const store = memoryStore(() => 0)
  const sealer = newSealer()
  await ensured(store, sealer, ...names)
  const memory = keyringMemory(store, sealer, await RevocationJournal.open(), assert.ifError)
  await memory.reload()

  /** Changes a keyring in the store; the instance reads it at `apply`. */
  async function change(name: OwnName, act: (keyring: Keyring) => Keyring): Promise<Keyring> {
    const before = await store.load(name)
    const after = before && (await store.save(before, act(before), { action: 'test', actor: 'ops', details: {} }))
    if (!after) throw new Error('it was not saved')
    await memory.apply([{ revision: after.revision, topic: 'keyring', key: name }])
    return after
  }

  return { store, sealer, memory, held: memory.held, change }
}
