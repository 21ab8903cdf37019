import { createHmac } from 'node:crypto'
import type { HeldKeyrings, SealingKeyring } from '../../src/keyrings/held.ts'

/** A keyring `csrf` whose versions a test changes at will; the first one is active. */
export function csrfKeyring(...versions: string[]): { versions: string[]; keyrings: HeldKeyrings } {
  const keyring: SealingKeyring = {
    get activeId() {
      return versions[0] ?? ''
    },
    mac: (purpose, data, version = versions[0] ?? '') =>
      versions.includes(version)
        ? createHmac('sha256', `key of ${version}`).update(`${purpose}\0${data}`).digest()
        : undefined,
    seal: () => unused(),
    open: () => unused(),
  }
  const keyrings = { sealing: () => keyring, salt: unused, documents: () => new Map() }
  return { versions, keyrings }
}

function unused(): never {
  throw new Error('CSRF tokens need no such thing')
}
