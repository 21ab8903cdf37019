import { createHmac } from 'node:crypto'
import type { Salt, SaltKeyring } from '../held.ts'
import type { OpenedVersion } from './version.ts'

/** @param versions those that are accepted, the active one among them */
export function saltKeyring(active: OpenedVersion, versions: Iterable<OpenedVersion>): SaltKeyring {
  const first = saltOf(active)
  const others = [...versions].filter(({ id }) => id !== active.id).map(saltOf)
  return { active: first, accepted: [first, ...others] }
}

function saltOf(version: OpenedVersion): Salt {
  const key = version.key('hash', '')
  return { id: version.id, hash: (text) => createHmac('sha256', key).update(text).digest() }
}
