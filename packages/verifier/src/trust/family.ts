import { isSharedSecretAlgorithm } from '../jws/algorithms.ts'
import type { TrustSource } from './source.ts'

/**
 * Shared secrets and public keys are never mixed: where both were allowed, whoever knows a public key could sign with it as if
 * it were a secret.
 *
 * @throws {TypeError} when an algorithm is not of the kind that the source has keys for
 */
export function assertFamily(algorithms: readonly string[], { family }: Pick<TrustSource, 'family'>): void {
  const shared = family === 'shared-secrets'
  if (algorithms.every((name) => isSharedSecretAlgorithm(name) === shared)) return
  throw new TypeError(
    shared
      ? 'with shared secrets, algorithms must be HS256, HS384 or HS512, and no other'
      : 'HS256, HS384 and HS512 need sharedSecrets(...) as trust, and go with no other algorithm',
  )
}
