import { readFileSync, renameSync, writeFileSync } from 'node:fs'

/**
 * @typedef {{kid: string, publishedAt: string, activatedAt?: string, jwk: import('node:crypto').JsonWebKey}} Key
 * @typedef {{kid: string, thumbprint: string, revokedAt: string, reason: string}} Revoked
 * @typedef {{keys: Key[], revoked: Revoked[], endedBefore: Record<string, string>}} State
 */

/** @returns {State} */
export function readState() {
  return JSON.parse(readFileSync('state.json', 'utf8'))
}

/** @param {State} state */
export function writeState(state) {
  writeFileSync('state.json.draft', JSON.stringify(state, null, 2), { mode: 0o600 })
  renameSync('state.json.draft', 'state.json')
}
