import { type ClientKeyring, type ClientPolicy, newClientKeyring, type Version } from '@rekey/keyring'
import type { Selectable } from 'kysely'
import type { IdpDatabase, IdpTables } from '../tables.ts'

type Row = Selectable<IdpTables['credentials']>

/** One credential as it stands in its row. */
export interface StoredCredential {
  credentialId: string
  agentId: string
  kind: Row['kind']
  status: 'active' | 'revoked'
  createdAt: number
  rotatedAt: number
  keyring: ClientKeyring
}

/** Of the table, wherever it is joined. */
export const credentialColumns = [
  'credentials.credential_id',
  'credentials.agent_id',
  'credentials.kind',
  'credentials.status',
  'credentials.created_at',
  'credentials.expires_at',
  'credentials.rotated_at',
  'credentials.revision',
  'credentials.document',
  'credentials.secret_hash',
] as const

export type CredentialColumns = Pick<
  Row,
  (typeof credentialColumns)[number] extends `credentials.${infer Name}` ? Name : never
>

export function credentialsIn(db: IdpDatabase) {
  return db.selectFrom('credentials').select(credentialColumns)
}

export async function findStored(db: IdpDatabase, credentialId: string): Promise<StoredCredential | undefined> {
  const row = await credentialsIn(db).where('credential_id', '=', credentialId).executeTakeFirst()
  return row && storedOf(row)
}

export function storedOf(row: CredentialColumns): StoredCredential {
  return {
    credentialId: row.credential_id,
    agentId: row.agent_id,
    kind: row.kind,
    status: row.status === 'active' ? 'active' : 'revoked',
    createdAt: row.created_at,
    rotatedAt: row.rotated_at,
    keyring: row.document ?? keyringOfPlainRow(row),
  }
}

/** As an earlier release wrote it, and may go on to while this one is being rolled out: the hash is its only version. */
function keyringOfPlainRow(row: CredentialColumns): ClientKeyring {
  const version: Version = {
    id: 'first',
    state: row.status === 'active' ? 'active' : 'revoked',
    since: 0,
    preparedAt: row.created_at,
    activatedAt: row.created_at,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    publicPart: row.secret_hash ? { sha256: row.secret_hash.toString('hex') } : {},
  }
  // Its policy comes with its first rotation; until then there is nothing that it could decide.
  const keyring = emptyKeyring(row.credential_id, row.kind, { quietMs: 0, assertionMs: 0 })
  return { ...keyring, revision: row.revision, versions: [version] }
}

const prefix = 'credential-'

/** Not only what a keyring may be called elsewhere: the ids of an estate's first clients are chosen by its operator. */
export function keyringName(credentialId: string): string {
  return prefix + credentialId
}

export function credentialIdOf(keyringName: string): string {
  return keyringName.slice(prefix.length)
}

export function emptyKeyring(credentialId: string, kind: Row['kind'], policy: ClientPolicy): ClientKeyring {
  return { ...newClientKeyring('credential', kind, policy), name: keyringName(credentialId) }
}

/** What agents authenticate by is one of two kinds of what clients hold. */
export function kindOf({ kind }: Pick<ClientKeyring, 'kind'>): Row['kind'] {
  return kind === 'client-key' ? kind : 'client-secret'
}
