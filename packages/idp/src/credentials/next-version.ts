import { databaseNow } from '@rekey/database'
import { parseDuration } from '@rekey/keyring'
import { IdpError } from '../error.ts'
import { idempotent, type Preparation } from '../http/idempotency.ts'
import type { Instance } from '../instance.ts'
import { isSigning } from '../registration/methods.ts'
import { requireStillInUse } from './confirm.ts'
import { createCredential, type NewCredential, requireCreatable } from './create.ts'
import { type GivenJwk, type Made, makeVersion } from './make.ts'
import { planRotation, type Rotation } from './plan.ts'
import { rotateCredential } from './rotate.ts'
import type { StoredCredential } from './stored.ts'

/** A request for the next version of a credential. The same Idempotency-Key for another operation is refused. */
interface Order {
  request: Parameters<typeof idempotent>[1]
  operation: string
  /** The public key of the client, where it authenticates by one. */
  jwk?: GivenJwk
}

/** Creates a credential, once for each Idempotency-Key; answered when every live instance goes by it. */
export function createOnce(
  instance: Instance,
  { request, operation, jwk }: Order,
  of: Pick<StoredCredential, 'agentId' | 'credentialId' | 'kind'>,
  expiresAt: Rotation['expiresAt'],
): Promise<NewCredential> {
  const { config, connection } = instance
  return idempotent(
    instance,
    request,
    operation,
    (transaction, version) => createCredential(transaction, config, request.caller, of, version, expiresAt),
    nextVersion(instance, of, jwk, () => requireCreatable(connection.db, of.agentId, expiresAt)),
  )
}

/** Rotates one in the same way. */
export function rotateOnce(
  instance: Instance,
  { request, operation, jwk }: Order,
  held: StoredCredential,
  asked: Rotation,
): Promise<NewCredential> {
  const { config, connection } = instance
  return idempotent(
    instance,
    request,
    operation,
    (transaction, version) => rotateCredential(transaction, config, request.caller, held, version, asked),
    nextVersion(instance, held, jwk, async () =>
      planRotation(config, held.keyring, asked, await databaseNow(connection.db)),
    ),
  )
}

/**
 * How the next version comes about, outside the transaction that saves it.
 *
 * @param requireMay throws when none may; not asked where the reply to an earlier request is given once more
 */
function nextVersion(
  { secrets, connection }: Instance,
  { agentId, credentialId, kind }: Pick<StoredCredential, 'agentId' | 'credentialId' | 'kind'>,
  jwk: GivenJwk,
  requireMay: () => Promise<unknown>,
): Preparation<Made, NewCredential> {
  return {
    async make() {
      await requireMay()
      const signs = kind === 'client-secret' && (await isSigning(connection.db, agentId))
      return makeVersion(secrets, agentId, credentialId, kind, jwk, signs)
    },
    discard: ({ material }) => secrets.discard(material.publicPart),
    confirm: (done) => requireStillInUse(connection.db, done),
  }
}

/** @throws IdpError `INVALID_REQUEST` */
export function overlapOf(text: string | undefined): number | undefined {
  try {
    return text === undefined ? undefined : parseDuration(text)
  } catch (cause) {
    throw new IdpError('INVALID_REQUEST', 'overlap is no duration: write for example 24h', { cause })
  }
}
