import type { ManagementClient } from './management.ts'

/** What lies in encrypted columns, as the IdP tells of it. */
export interface ColumnsView {
  /** The version by which is encrypted; null while there is none. */
  sealing: string | null
  source: { variable: string; description: string } | null
  values: { table: string; column: string; version: string; count: number }[]
  /** How many are not encrypted by that version. */
  left: number
  forms: { form: string; state: 'open' | 'closing' | 'closed'; by: string; since: string }[]
  reencryption: { paused: boolean; perSecond: number | null; by: string; since: string }
  refused: { table: string; column: string; rowId: string; code: string }[]
  worries: { what: string; since: string; command: string | null }[]
}

/** A key that is kept for backups alone. */
export interface EscrowedKey {
  version: string
  state: 'retired' | 'revoked'
  retiredAt?: string
  revokedAt?: string
  reason?: string
  escrowedUntil: string
}

export async function readColumns(client: ManagementClient): Promise<ColumnsView> {
  const failure = 'what lies in encrypted columns cannot be read'
  return await client.call({ method: 'GET', path: '/columns', scope: 'keyrings:read', failure })
}

/** @param perSecond how many values at most, by all instances together */
export async function askToReencrypt(client: ManagementClient, perSecond: number | undefined): Promise<ColumnsView> {
  return await client.call({
    method: 'POST',
    path: '/columns/reencrypt',
    scope: 'keyrings:write',
    body: perSecond === undefined ? {} : { perSecond },
    failure: 'columns cannot be encrypted anew',
    repeatable: true,
  })
}

export async function pauseReencryption(client: ManagementClient): Promise<ColumnsView> {
  return await client.call({
    method: 'POST',
    path: '/columns/pause',
    scope: 'keyrings:write',
    failure: 'encrypting columns anew cannot be paused',
    repeatable: true,
  })
}

export async function closeLegacy(client: ManagementClient): Promise<ColumnsView> {
  return await client.call({
    method: 'POST',
    path: '/columns/close-legacy',
    scope: 'keyrings:write',
    failure: 'the older forms of values cannot be closed',
    repeatable: true,
  })
}

export async function listEscrow(client: ManagementClient): Promise<EscrowedKey[]> {
  const failure = 'the keys in escrow cannot be read'
  const path = '/columns/escrow'
  return (await client.call<{ keys: EscrowedKey[] }>({ method: 'GET', path, scope: 'keyrings:read', failure })).keys
}

export async function takeOutOfEscrow(
  client: ManagementClient,
  version: string,
  reason: string,
): Promise<EscrowedKey & { key: string }> {
  return await client.call({
    method: 'POST',
    path: `/columns/escrow/${encodeURIComponent(version)}/take-out`,
    scope: 'keyrings:write',
    body: { reason },
    failure: `the key ${version} cannot be taken out of escrow`,
  })
}
