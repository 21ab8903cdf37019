import { duration } from '@rekey/service'
import type { z } from 'zod'
import { IdpError } from '../error.ts'

/** When credentials of agents are due for rotation, and how long a client must not be seen with an old secret in an overlap. */
export interface CredentialPolicy {
  rotateEveryMs: Readonly<Record<'production' | 'staging' | 'serviceAccount', number>>
  quietMs: number
}

const dayMs = 86_400_000

export const credentialVariables = {
  REKEY_CREDENTIAL_ROTATION_PRODUCTION: duration.default(90 * dayMs),
  REKEY_CREDENTIAL_ROTATION_STAGING: duration.default(180 * dayMs),
  REKEY_CREDENTIAL_ROTATION_SERVICE_ACCOUNT: duration.default(365 * dayMs),
  REKEY_CREDENTIAL_QUIET: duration.default(dayMs),
}

type Given = z.infer<z.ZodObject<typeof credentialVariables>> & { REKEY_ACCESS_TOKEN_TTL: number }

/** Whoever holds a token until it expires asks no more often than that: not to be seen for less says nothing. */
export function credentialPolicyOf(given: Given): CredentialPolicy {
  const { REKEY_CREDENTIAL_QUIET: quietMs, REKEY_ACCESS_TOKEN_TTL: ttlMs } = given
  if (quietMs < ttlMs) {
    throw new IdpError(
      'CONFIG_INVALID',
      `REKEY_CREDENTIAL_QUIET (${quietMs} ms) is shorter than REKEY_ACCESS_TOKEN_TTL (${ttlMs} ms): a client that ` +
        'still needs its old secret may not be seen for as long as its token lives',
    )
  }
  return {
    rotateEveryMs: {
      production: given.REKEY_CREDENTIAL_ROTATION_PRODUCTION,
      staging: given.REKEY_CREDENTIAL_ROTATION_STAGING,
      serviceAccount: given.REKEY_CREDENTIAL_ROTATION_SERVICE_ACCOUNT,
    },
    quietMs,
  }
}
