import { formatDuration } from '@rekey/keyring'
import { stampOf } from '@rekey/registration'
import { iso, type ShownKeyring } from '@rekey/service'
import { clientKeyringName, type ShownKeys } from '../provider/keys/client-keys.ts'

type ShownVersion = ShownKeyring['versions'][number]

/**
 * The keys by which this BFF authenticates at the identity provider, as a keyring: so operators see and rotate them like every
 * other one. They lie in a folder and not in the store, so that it has no revision, and times are those that the folder knows.
 */
export function showClientKeyring(keys: ShownKeys): ShownKeyring {
  const { signing, waiting, earlier, former } = keys
  const signingSince = signing?.madeAt ?? 0
  // Keys that rotations made have the moment in their names.
  const madeAt = (kid: string) => iso(stampOf(kid) ?? signingSince)
  const version = (id: string, state: ShownVersion['state'], activatedAt?: string): ShownVersion => ({
    ...{ id, state, activatedAt, preparedAt: madeAt(id) },
    ...nothingElse,
  })
  return {
    name: clientKeyringName,
    kind: 'client-key',
    algorithm: keys.algorithm,
    revision: 0,
    policy: policyOf(keys),
    rotation: undefined,
    versions: [
      ...former.map((id) => version(id, 'retired')),
      ...earlier.map((id) => version(id, 'retiring')),
      ...(signing ? [version(signing.kid, 'active', iso(signingSince))] : []),
      ...(waiting === undefined ? [] : [version(waiting, 'prepared')]),
    ],
    waiting: waiting === undefined ? [] : [notKnownYet(waiting, madeAt(waiting))],
  }
}

const nothingElse = {
  ...{ servedAt: undefined, retiringAt: undefined, demotedAt: undefined, retiredAt: undefined, revokedAt: undefined },
  ...{ revocation: undefined, reason: undefined, incident: undefined, held: undefined },
}

function notKnownYet(version: string, since: string): ShownKeyring['waiting'][number] {
  const who = ['the identity provider, which has to know it first']
  return { step: 'activate', version, gate: 'propagated', for: who, opensAt: null, since }
}

/** Nothing waits for verifiers here: there is one, and it has the key before it is used. */
function policyOf({ rotateEveryMs, retireAfterMs }: ShownKeys): ShownKeyring['policy'] {
  const none = formatDuration(0)
  return {
    rotateEvery: formatDuration(rotateEveryMs),
    verifierPatience: 'forever',
    anonymousPropagation: none,
    jwksMaxAge: none,
    maxTokenTtl: none,
    skew: none,
    maxGrace: formatDuration(retireAfterMs),
    rollbackWindow: none,
  }
}
