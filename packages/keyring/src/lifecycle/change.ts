import { KeyringError } from '../error.ts'
import type { AnyPolicy } from '../policy/client.ts'
import { type Keyring, versionOf } from './keyring.ts'
import type { State, Version } from './version.ts'

/** Changes one version, which must be in one of these states. */
export function update<P extends AnyPolicy>(
  keyring: Keyring<P>,
  id: string,
  from: State[],
  change: (version: Version) => Version,
): Keyring<P> {
  const current = versionOf(keyring, id)
  if (!from.includes(current.state)) {
    throw new KeyringError(
      'ILLEGAL_TRANSITION',
      `version ${id} of ${keyring.name} is ${current.state}; this needs it to be ${from.join(' or ')}`,
      { id, state: current.state },
    )
  }
  return { ...keyring, versions: keyring.versions.map((version) => (version.id === id ? change(version) : version)) }
}

export function withoutPrivate(version: Version): Version {
  const { sealedPrivate: _erased, ...kept } = version
  return kept
}
