import type { KeyringView, VersionView, Waiting } from '../src/client/keyring.ts'

/** Noon, as milliseconds since the Unix epoch: the moment at which these tests take place. */
export const noon = Date.parse('2026-03-01T12:00:00.000Z')

/** The ISO form of a moment some milliseconds before noon. */
export function before(distanceMs: number): string {
  return new Date(noon - distanceMs).toISOString()
}

export function version(id: string, state: VersionView['state'], more: Partial<VersionView> = {}): VersionView {
  return { id, state, preparedAt: before(3_600_000), ...more }
}

export function keyring(versions: VersionView[], waiting: Waiting[] = [], policy: object = {}): KeyringView {
  return {
    name: 'signing-es256',
    kind: 'signing-key',
    algorithm: 'ES256',
    revision: 7,
    policy: { ...policy },
    versions,
    waiting,
  }
}
