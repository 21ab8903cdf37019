import { type ColumnKey, knownValue, opensKnownValue, type Sealer } from '@rekey/database'
import { encryptionKeyId, type Material, makeEncryptionKey, type Version } from '@rekey/keyring'
import { columnsKeyring } from './list.ts'

/** A key, and the id of the version that it is: the same wherever it is read. */
export const columnKeyOf = (key: Uint8Array): ColumnKey => ({ id: encryptionKeyId(columnsKeyring, key), key })

/** Where the private part of a version is stored; sealing binds it to this place. */
export const recordOfKey = (id: string) => `keyrings/${columnsKeyring}/${id}`

/** A key made here, which lies sealed in its version. */
export async function madeMaterial(sealer: Sealer): Promise<Material> {
  const { id, publicPart, sealedPrivate = '' } = await makeEncryptionKey({ name: columnsKeyring })
  return { id, publicPart, sealedPrivate: sealer.seal(recordOfKey(id), Buffer.from(sealedPrivate)) }
}

/** A key as it lies in its version. */
export function sealedKey(sealer: Sealer, { id, key }: ColumnKey): string {
  return sealer.seal(recordOfKey(id), Buffer.from(Buffer.from(key).toString('base64url')))
}

/** The key of a version in which it lies sealed. */
export function openedKey(sealer: Sealer, id: string, sealed: string): Uint8Array {
  return Buffer.from(sealer.open(recordOfKey(id), sealed).toString(), 'base64url')
}

/** A key that is read from a source: nothing of it lies in the database but what it is recognised by. */
export function givenMaterial(key: ColumnKey): Material {
  return { id: key.id, isGiven: true, publicPart: { known: knownValue(key) } }
}

/** Does the key open what the version was seen to seal? */
export function isKeyOf(key: ColumnKey, { id, publicPart: { known } }: Pick<Version, 'id' | 'publicPart'>): boolean {
  return key.id === id && typeof known === 'string' && opensKnownValue(key, known)
}
